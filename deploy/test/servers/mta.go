//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strings"
	"time"
)

// A server is what differs between the mail servers of Debian.
type server struct {
	mta    string                              // the label of metrics
	files  func([]*dialogue) map[string]string // its configuration: paths inside the root
	setup  []string                            // shell commands before the start
	log    string                              // inside the root
	syslog bool                                // it logs by /dev/log; else it writes the log itself
	owner  string                              // of that log
	daemon []string                            // nil where the submitting program delivers
	submit []string                            // arguments of /usr/sbin/sendmail before the recipient
}

var servers = map[string]*server{
	"postfix": {
		mta:   "postfix",
		files: postfixFiles, log: "/var/log/mail.log", syslog: true,
		setup: []string{"newaliases || true", "postmap /etc/postfix/transport", "mkdir -p /var/spool/postfix/dev && ln -sf /dev/log /var/spool/postfix/dev/log"},
		// start-fg stays in the foreground, so it can be stopped by its number.
		daemon: []string{"/usr/sbin/postfix", "start-fg"},
		submit: []string{"-oi", "-f", "root@origin.example"},
	},
	"exim": {
		mta:   "exim",
		files: eximFiles, log: "/var/log/exim4/mainlog", owner: "Debian-exim",
		// Hosts that failed in an earlier trial would be left alone for a while.
		setup:  []string{"mkdir -p /var/log/exim4 && chown Debian-exim /var/log/exim4", "rm -rf /var/spool/exim4/db/* /var/spool/exim4/input/*"},
		submit: []string{"-odf", "-oi", "-f", "root@origin.example"},
	},
	"sendmail": {
		mta:   "sendmail",
		files: sendmailFiles, log: "/var/log/mail.log", syslog: true,
		// Maps belong to the trusted user of sendmail.cf, so that comes first.
		setup: []string{
			"mkdir -p /var/run/sendmail/mta && rm -f /etc/mail/*.db",
			"chown root:root /etc/mail && chown -R root /var/spool/mqueue && chmod 0700 /var/spool/mqueue",
			"m4 /etc/mail/trial.mc >/etc/mail/sendmail.cf",
			"makemap hash /etc/mail/mailertable </etc/mail/mailertable",
		},
		submit: []string{"-Am", "-odi", "-oi", "-f", "root@origin.example"},
	},
}

// own makes the log belong to the server.
func (s *server) own(t *trial, log string) error {
	ids, err := os.ReadFile(t.path("etc/passwd"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(ids)) {
		field := strings.Split(line, ":")
		if field[0] == s.owner && len(field) > 3 {
			var uid, gid int
			if _, err := fmt.Sscan(field[2]+" "+field[3], &uid, &gid); err != nil {
				return err
			}
			return os.Chown(log, uid, gid)
		}
	}
	return user.UnknownUserError(s.owner)
}

// routes is one line for each domain.
func routes(all []*dialogue, format string) string {
	var b strings.Builder
	for _, d := range all {
		fmt.Fprintf(&b, format+"\n", d.domain, d.address)
	}
	return b.String()
}

func postfixFiles(all []*dialogue) map[string]string {
	return map[string]string{
		"etc/postfix/transport": routes(all, fmt.Sprintf("%%s smtp:[%%s]:%d", port)),
		"etc/postfix/main.cf": `compatibility_level = 3.6
myhostname = mx1.origin.example
mydestination = origin.example, mx1.origin.example, localhost
inet_interfaces = loopback-only
inet_protocols = ipv4
transport_maps = hash:/etc/postfix/transport
smtp_tls_security_level = none
smtp_host_lookup = native
smtp_destination_concurrency_limit = 2
minimal_backoff_time = 1h
in_flow_delay = 0
`,
	}
}

func eximFiles(all []*dialogue) map[string]string {
	return map[string]string{
		"etc/exim4/routes": routes(all, "%s: %s"),
		"etc/exim4/exim4.conf": fmt.Sprintf(`primary_hostname = mx1.origin.example
domainlist local_domains = origin.example : mx1.origin.example
log_file_path = /var/log/exim4/%%slog
never_users =
host_lookup =
keep_environment =

begin routers
trial:
  driver = manualroute
  domains = ! +local_domains
  route_data = ${lookup{$domain}lsearch{/etc/exim4/routes}}
  transport = smtp
  self = send
  no_more
here:
  driver = redirect
  data = :blackhole:

begin transports
smtp:
  driver = smtp
  port = %d
  hosts_avoid_tls = *
  allow_localhost

begin retry
* * F,2h,1h
`, port),
	}
}

func sendmailFiles(all []*dialogue) map[string]string {
	return map[string]string{
		"etc/mail/mailertable":      routes(all, "%s\tesmtp:[%s]"),
		"etc/mail/local-host-names": "origin.example\nmx1.origin.example\n",
		"etc/mail/trial.mc": fmt.Sprintf("divert(0)dnl\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`debian')dnl\n"+
			"define(`confDOMAIN_NAME', `mx1.origin.example')dnl\n"+
			"define(`confLOG_LEVEL', `9')dnl\ndefine(`ALIAS_FILE', `')dnl\n"+
			"undefine(`confHOST_STATUS_DIRECTORY')dnl\n"+
			"define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')dnl\n"+
			"define(`ESMTP_MAILER_ARGS', `TCP $h %d')dnl\ndefine(`SMTP_MAILER_ARGS', `TCP $h %d')dnl\n"+
			"FEATURE(`nocanonify')dnl\nFEATURE(`mailertable')dnl\nFEATURE(`use_cw_file')dnl\n"+
			"MAILER(`local')dnl\nMAILER(`smtp')dnl\n", port, port),
	}
}

// syslogd writes what comes over the socket to a file, as a syslog daemon does:
// "<22>Nov  5 10:00:00 tag: text" becomes "Nov  5 10:00:00 host tag: text".
func syslogd(socket, file string) (stop func(), err error) {
	_ = os.Remove(socket)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				log.Close()
				return
			}
			fmt.Fprintln(log, withHost(string(buf[:n])))
		}
	}()
	return func() { conn.Close() }, nil
}

func withHost(message string) string {
	_, rest, ok := strings.Cut(strings.TrimRight(message, "\n\x00"), ">")
	if ok && len(rest) > len(time.Stamp) {
		return rest[:len(time.Stamp)] + " mx1" + rest[len(time.Stamp):]
	}
	return message
}
