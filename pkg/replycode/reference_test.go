package replycode

import "testing"

// Where text and code disagree, and what the big receivers mean by their own
// codes and tags: the cases that the reference of causes decides by name.
func TestTextAgainstCode(t *testing.T) {
	host := ""
	f := func(want Cause, text string) {
		t.Helper()
		r := replyOf(text)
		r.RelayHost = []byte(host)
		if v := Classify(r); v.Cause != want {
			t.Errorf("%s %q: %v by %q, want %v", host, text, v.Cause, v.Rule, want)
		}
	}
	f(MailboxFull, "552 5.1.1 Recipient overquota")
	f(IPBlocked, "550 5.2.1 192.0.2.1 is blacklisted using zen.spamhaus.org")
	f(UserUnknown, "550 5.7.1 user unknown")
	f(UserUnknown, "554 5.0.0 user unknown")
	f(SenderRejected, "450 4.1.8 <a@example.org>: Sender address rejected: Domain not found")
	f(Greylisted, "554 5.7.1 Greylisted, please try again in 5 minutes")
	f(Greylisted, "450 4.7.1 greylisting in action, please come back later")
	f(IPBlocked, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org")
	f(SystemError, "451 4.3.0 Service unavailable")
	f(TLSFailed, "530 5.7.0 Must issue a STARTTLS command first")
	f(LoginFailed, "530 5.7.0 Authentication required")
	f(RelayDenied, "454 4.7.1 <a@example.com>: Relay access denied")
	f(UnknownCause, "550 mailbox unavailable")

	host = "gmail-smtp-in.l.google.com"
	f(RateLimited, "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.")
	f(AuthFailed, "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.")
	f(AuthFailed, "550 5.7.27 SPF did not pass")
	f(ReverseDNS, "550 5.7.25 The IP address sending this message does not have a PTR record setup.")
	f(TLSFailed, "421 4.7.0 TLS required for RCPT domain, closing connection")
	f(RateLimited, "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.")
	f(PoorReputation, "550 5.7.1 Gmail has detected that this message is likely suspicious due to the very low reputation of the sending IP address.")
	f(SpamContent, "550 5.7.1 Our system has detected that this message is likely unsolicited mail.")

	host = "example-com.mail.protection.outlook.com"
	f(UserUnknown, "550 5.4.1 Recipient address rejected: Access denied.")
	f(UserUnknown, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup")
	f(IPBlocked, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]")
	f(AuthFailed, "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification")
	f(AuthFailed, "550 5.7.515 Access denied, sending domain example.org doesn't meet the required authentication level.")
	f(RelayDenied, "550 5.7.64 TenantAttribution; Relay Access Denied")
	f(RoutingLoop, "554 5.4.14 Hop count exceeded - possible mail loop")

	host = "outlook-com.olc.protection.outlook.com"
	f(UserUnknown, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).")

	host = "mta5.am0.yahoodns.net"
	f(PoorReputation, "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints")
	f(IPBlocked, "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred")
	f(UserUnknown, "554 delivery error: dd This user doesn't have a yahoo.com account (a@example.com) [0]")
	f(MailboxDisabled, "554 delivery error: dd Sorry, your message to a@example.com cannot be delivered. This mailbox is disabled (554.30).")

	host = "163mx01.mxmail.netease.com"
	f(SpamContent, "554 DT:SPM 163 mx1,AAAAAA")
	f(IPBlocked, "554 HL:REP 163 mx1,AAAAAA")
	f(RateLimited, "421 HL:ICC 163 mx1,AAAAAA")
	f(SenderRejected, "550 WM:BLU 163 mx1,AAAAAA")

	host = "mx3.qq.com"
	f(SpamContent, "550 Mail content denied.")
	f(RateLimited, "550 Ip frequency limited.")
	f(IPBlocked, "550 Suspected spam ip.")
	f(UserUnknown, "550 Mailbox not found.")

	host = "us-smtp-inbound-1.mimecast.com"
	f(Greylisted, "451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451")
	f(UserUnknown, "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550")
}
