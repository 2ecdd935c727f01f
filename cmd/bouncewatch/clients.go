package main

import (
	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/client"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const clientsLong = `clients lists the addresses that this host refused, by failed logins and by
refused mail, and says which of them got in: where a login succeeded after five
or more that failed. That is a guessed password, or a device with an old one.

Of more than 100000 clients those that were refused least are added up.` + readStatuses

func newClients() *cobra.Command {
	var o clientsOptions
	cmd := &cobra.Command{
		Use: "clients [flags] FILE|DIR|GLOB|- ...", Short: "Say who attacks this host, and whether someone got in", Long: clientsLong,
		Example: "  bouncewatch clients --since today /var/log/mail.log*",
		Args:    needsLog,
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	formatFlag(f, &o.format, "text", "json")
	langFlag(f, &o.lang)
	intFlag(f, &o.top, "top", 15, 1, "how many clients to show; json has all")
	o.selection.addFlags(f)
	return cmd
}

type clientsOptions struct {
	format    string
	lang      string
	top       int
	selection selectionFlags
}

func (o *clientsOptions) run(cmd *cobra.Command, args []string) error {
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	clients := client.Clients{Keep: selected.Keep}
	readErr := readInTime(cmd, args, &selected, pipeline.Pipeline{
		Classifier: replycode.NewClassifier(selected.rules), Listener: &clients,
	})
	switch {
	case o.format == "json":
		err = clients.WriteJSON(cmd.OutOrStdout())
	case readErr != nil && len(clients.All()) == 0:
		return readErr
	default:
		err = clients.WriteText(cmd.OutOrStdout(), o.top, o.lang)
	}
	if err != nil {
		return inputError{err}
	}
	return readErr
}
