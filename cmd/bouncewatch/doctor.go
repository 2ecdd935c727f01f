package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/doctor"
)

const doctorLong = `doctor looks at this host as watch would find it, and says what to type where
something is wrong: which logs and journals are there and who may read them,
which mail server wrote them, how their stamps were read and how much of their
last lines was understood, and whether listener, state directory and free space
are right. It changes nothing.

It takes the flags of watch. Run by root it judges for the service, with its
configuration and state directory; run by someone else, for that user. Exit
status: 0 all is well, 1 something is wrong, 2 wrong usage.`

// serviceConfig is the configuration of the packages' service.
const serviceConfig = "/etc/bouncewatch/bouncewatch.yaml"

func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use: "doctor [flags] [LOG...]", Short: "Check logs, permissions, listener and state of this host", Long: doctorLong,
		Example: "  bouncewatch doctor\n  bouncewatch doctor --user bouncewatch --format json /var/log/mail.log",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.settings.given(cmd, args)
			return o.run(cmd)
		},
	}
	o.settings.register(cmd)
	cmd.Flags().StringVar(&o.user, "user", "", "judge access for this user (default: for root the service's, else the caller)")
	formatFlag(cmd.Flags(), &o.format, "text", "json")
	return cmd
}

type doctorOptions struct {
	settings     settings
	user, format string
}

func (o *doctorOptions) run(cmd *cobra.Command) error {
	who, err := o.who()
	if err != nil {
		return fmt.Errorf("--user: %w", err)
	}
	report := doctor.NewReport(who, o.examine(who))
	if err := o.print(cmd, report); err != nil {
		return inputError{err}
	}
	if report.State == doctor.Wrong {
		return inputError{}
	}
	return nil
}

func (o *doctorOptions) who() (doctor.Who, error) {
	switch {
	case o.user != "":
		return doctor.Named(o.user)
	case os.Geteuid() == 0:
		return doctor.Service(), nil
	}
	return doctor.Self(), nil
}

// examine checks the configuration, and what it names if it has no faults.
func (o *doctorOptions) examine(who doctor.Who) []doctor.Finding {
	if o.settings.file == "" && len(present([]string{serviceConfig})) > 0 {
		o.settings.file = serviceConfig
	}
	found := doctor.Finding{Check: "config", Subject: "none", State: doctor.Fine, Text: "the defaults hold"}
	if o.settings.file != "" {
		found.Subject, found.Text = o.settings.file, "fine"
	}
	c, from, err := o.settings.effective()
	if err != nil {
		found.State, found.Text = doctor.Wrong, err.Error()
		found.Mend = "mend these lines, then: bouncewatch check-config " + o.settings.file
		return []doctor.Finding{found}
	}
	findings := []doctor.Finding{found}
	for _, warning := range config.MistypedVariables(os.Environ()) {
		findings = append(findings, doctor.Finding{Check: "config", Subject: "environment", State: doctor.Note, Text: warning})
	}
	if who.IsService() && from["state_dir"] == "default" {
		c.StateDir = doctor.ServiceStateDir
	}
	return append(findings, doctor.Examine(doctor.Host{
		Who: who, Logs: c.Logs, Usual: usualLogs, Journals: journals, StateDir: c.StateDir,
		ListenAddress: c.ListenAddress, WebConfigFile: c.WebConfigFile, Location: time.Local,
	})...)
}

// journals are where systemd keeps its journal (systemd-journald.service(8)).
var journals = []string{"/var/log/journal", "/run/log/journal"}

func (o *doctorOptions) print(cmd *cobra.Command, report doctor.Report) error {
	if o.format == "text" {
		return report.WriteText(cmd.OutOrStdout())
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
