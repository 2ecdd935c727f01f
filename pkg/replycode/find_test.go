package replycode

import "testing"

func TestFind(t *testing.T) {
	for _, c := range []struct{ text, code, enhanced string }{
		{"550 5.1.1 no", "550", "5.1.1"},
		{"550-5.1.1 no such\n550 5.1.1 user", "550", "5.1.1"},
		{"550-5.1.1 no such 550 5.1.1 user", "550", "5.1.1"},
		{"550-first\n550 5.1.1 last", "550", ""},
		{"550", "550", ""},
		{"550 ", "550", ""},
		{"(250 2.0.0 Ok)", "250", "2.0.0"},
		{"554 refused, upstream said 4.2.2 mailbox full", "554", ""},
		{"550 5.1.1-mailbox gone", "550", ""},
		{"550 #5.1.0 Address rejected.", "550", ""},
		{"5.1.1 <a@b.example>... User unknown", "", "5.1.1"},
		{"host mx.example.org[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command)", "452", "4.2.2"},
		{"SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 No such user", "550", ""},
		{"SMTP error after end of data: 554 5.2.0 Recipient Mailbox Full [504]", "554", "5.2.0"},
		{"retry time not reached [504]", "", ""},
		{"defer (110): Connection timed out", "", ""},
		{"connect to mx.example.org[192.0.2.1]:25: Connection refused", "", ""},
		{"connect to port: 443 refused", "", ""},
		{"see https://example.org/e/550 5", "", ""},
		{"version 4.2.2.1 is old", "", ""},
		{"5500 units", "", ""},
		{"", "", ""},
	} {
		code, e := Find([]byte(c.text))
		if code.String() != c.code || e.String() != c.enhanced {
			t.Errorf("Find(%q) = %q %q, want %q %q", c.text, code, e, c.code, c.enhanced)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("550-5.1.1 a\n550 5.1.1 b"))
	f.Add([]byte("said: 421 x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		code, e := Find(text)
		if code != None && code.Class() == NoClass {
			t.Fatalf("%q: code %d out of range", text, code)
		}
		// Law: a reply put in front decides.
		with := append([]byte("452 4.3.1 "), text...)
		if c, e := Find(with); c != 452 || e.String() != "4.3.1" {
			t.Fatalf("%q: prefix gave %v %v", text, c, e)
		}
		if again, e2 := Find(text); again != code || e2 != e {
			t.Fatal("not a function")
		}
	})
}
