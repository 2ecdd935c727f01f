package main

import (
	"fmt"
	"time"
)

// Log lines of Postfix as rsyslog writes them by default since Debian 12.

func line(program, text string) string {
	return fmt.Sprintf("%s mx1 postfix/%s[4321]: %s\n", time.Now().Format("2006-01-02T15:04:05.000000-07:00"), program, text)
}

func queueID(i int) string { return fmt.Sprintf("4XyZ%07d", i) }

func delivered(i int) string {
	return line("smtp", queueID(i)+": to=<a@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=0.9, delays=0.1/0/0.3/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)")
}

func refused(i int) string {
	return line("smtp", queueID(i)+": to=<a@example.com>, relay=gmail-smtp-in.l.google.com[192.0.2.26]:25, delay=0.9, delays=0.1/0/0.3/0.5, dsn=5.7.1, status=bounced "+
		"(host gmail-smtp-in.l.google.com[192.0.2.26] said: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org (in reply to RCPT TO command))")
}

var expired = line("qmgr", queueID(999)+": from=<a@example.com>, status=expired, returned to sender")
