//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// The stages of a dialogue at which the receiver can refuse (RFC 5321 section 3).
var stages = []string{"greeting", "helo", "mail", "rcpt", "data", "eod"}

// The reply codes that are tried at each stage, with an enhanced code (RFC 3463)
// that no server makes up by itself; "" for a reply without one.
var replies = []struct{ code, enhanced string }{
	{"421", "4.7.24"}, {"450", "4.2.1"}, {"451", "4.7.25"}, {"452", "4.2.2"}, {"454", "4.7.26"}, {"455", ""},
	{"500", "5.5.2"}, {"501", "5.5.4"}, {"502", ""}, {"503", "5.6.7"}, {"504", "5.6.8"},
	{"521", "5.3.2"}, {"523", "5.7.10"}, {"530", "5.7.11"}, {"534", "5.7.9"}, {"535", "5.7.8"}, {"541", "5.7.30"},
	{"550", "5.7.23"}, {"551", "5.7.17"}, {"552", "5.2.2"}, {"553", "5.1.8"}, {"554", "5.7.27"}, {"555", ""}, {"556", "5.1.10"},
	{"354", ""}, // which is none, but for DATA
}

// The codes with which mail is taken: any 2xx will do (RFC 5321 section 4.2.1).
var taken = []string{"211", "214", "220", "221", "250", "251", "252"}

// A dialogue is how the receiver treats the mail of one domain.
type dialogue struct {
	stage          string // at which it refuses; "" for never
	code, enhanced string // of the refusal, or with which the mail is taken
	lines          int    // of the reply
	domain         string // of the recipient
	address        string // of the receiver for this domain

	mu       sync.Mutex
	answered int // connections that ended with the reply
}

func (d *dialogue) recipient() string { return "someone@" + d.domain }

// dialogues are every code at every stage, every other one in two lines. Each has
// an address of its own, by which the receiver knows it from the first byte on.
func dialogues() (all []*dialogue) {
	add := func(d *dialogue) {
		n := len(all) + 1
		d.domain, d.address = fmt.Sprintf("d%d.example", n), fmt.Sprintf("127.7.%d.%d", n/200, n%200+1)
		all = append(all, d)
	}
	for _, stage := range stages {
		for i, r := range replies {
			if stage == "data" && r.code == "354" {
				continue // no refusal
			}
			add(&dialogue{stage: stage, code: r.code, enhanced: r.enhanced, lines: 1 + i%2})
		}
	}
	for i, code := range taken {
		add(&dialogue{code: code, lines: 1 + i%2})
	}
	return all
}

// reply is the deciding one, as it is sent.
func (d *dialogue) reply() string {
	what := "refused"
	if d.stage == "" {
		what = "taken"
	}
	text := d.code + " " + strings.TrimSpace(d.enhanced+" "+what+" for the sake of a trial") + "\r\n"
	if d.lines == 1 {
		return text
	}
	return d.code + "-" + strings.TrimSpace(d.enhanced+" "+what+", in two lines,") + "\r\n" + text
}

// port is where the receiver listens.
const port = 2525

// receive listens for all dialogues.
func receive(all []*dialogue) (net.Listener, error) {
	byAddress := map[string]*dialogue{}
	for _, d := range all {
		byAddress[d.address] = d
	}
	l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, byAddress[conn.LocalAddr().(*net.TCPAddr).IP.String()])
		}
	}()
	return l, nil
}

// serve speaks with one client. It refuses from the dialogue's stage on whatever
// the client tries, and counts that once, as it does mail that it takes.
func serve(conn net.Conn, d *dialogue) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if d == nil {
		return
	}
	answered := false
	defer func() {
		if answered {
			d.mu.Lock()
			d.answered++
			d.mu.Unlock()
		}
	}()
	answer := func(stage, ok string) bool {
		if d.stage == stage || d.stage == "" && stage == "eod" {
			answered, ok = true, d.reply()
		}
		_, err := conn.Write([]byte(ok))
		if answered && d.code == "421" {
			conn.Close() // as this code announces (RFC 5321 section 3.8)
		}
		return err == nil && d.stage != stage
	}
	if !answer("greeting", "220 receiver.example ESMTP\r\n") {
		drain(conn)
		return
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch verb {
		case "EHLO", "HELO":
			answer("helo", "250 receiver.example\r\n")
		case "MAIL":
			answer("mail", "250 2.1.0 sender fine\r\n")
		case "RCPT":
			answer("rcpt", "250 2.1.5 recipient fine\r\n")
		case "DATA":
			if answer("data", "354 go on\r\n") {
				if !skipMail(in) {
					return
				}
				answer("eod", "250 2.0.0 in spite of the refusals before\r\n")
			}
		case "QUIT":
			fmt.Fprint(conn, "221 2.0.0 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 2.0.0 fine\r\n")
		}
	}
}

// drain lets the client read a refused greeting and leave.
func drain(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(strings.ToUpper(line), "QUIT") {
			fmt.Fprint(conn, "221 2.0.0 bye\r\n")
			return
		}
		fmt.Fprint(conn, "503 5.5.1 no\r\n")
	}
}

func skipMail(in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			return true
		}
	}
}
