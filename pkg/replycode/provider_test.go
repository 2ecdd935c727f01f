package replycode

import (
	"strings"
	"testing"
)

// Names of exchangers as receivers publish them, and as they stand in logs.
func TestProviderOfExchanger(t *testing.T) {
	f := func(want string, hosts ...string) {
		t.Helper()
		for _, host := range hosts {
			if got := ProviderOf([]byte(host), nil).String(); got != want {
				t.Errorf("%s: %s, want %s", host, got, want)
			}
		}
	}
	f("google", "gmail-smtp-in.l.google.com", "alt4.aspmx.l.google.com", "aspmx2.googlemail.com", "smtp.google.com")
	f("microsoft", "example-com.mail.protection.outlook.com", "hotmail-com.olc.protection.outlook.com", "eur.olc.protection.outlook.com",
		"example-com.o-v1.mx.microsoft", "example.mail.protection.partner.outlook.cn", "example.mail.protection.office365.us", "mx1.hotmail.com")
	f("yahoo", "mta5.am0.yahoodns.net", "mx-aol.mail.gm0.yahoodns.net", "mx-eu.mail.am0.yahoodns.net")
	f("yahoojp", "mx1.mail.yahoo.co.jp")
	f("apple", "mx01.mail.icloud.com")
	f("tencent", "mx3.qq.com", "mxbiz1.qq.com")
	f("netease", "163mx01.mxmail.netease.com", "126mx02.mxmail.netease.com", "yeahmx00.mxmail.netease.com")
	f("sina", "freemx1.sinamail.sina.com.cn", "mx.sinanet.com", "mx.entmail.sina.com")
	f("sohu", "sohumx.h.a.sohu.com")
	f("alibaba", "mxn.mxhichina.com", "mx1.mail.aliyun.com")
	f("chinatelecom", "mta-189.21cn.com")
	f("feishu", "mx1.feishu.cn", "mx2.larksuite.com")
	f("net263", "mxcom.263xmail.com", "mxw.263.net")
	f("coremail", "mx-china-com.icoremail.net")
	f("mailru", "mxs.mail.ru", "emx.mail.ru")
	f("yandex", "mx.yandex.ru", "mx.yandex.net")
	f("gmx", "mx00.gmx.net", "mx00.emig.gmx.net", "mx-ha.web.de", "mx01.mail.com")
	f("ionos", "mx00.kundenserver.de", "mx00.ionos.de", "mx01.perfora.net", "mx00.1and1.co.uk")
	f("tonline", "mx00.t-online.de")
	f("strato", "smtpin.rzone.de")
	f("free", "mx1.free.fr")
	f("orange", "smtp-in.orange.fr")
	f("laposte", "smtp4.laposte.net")
	f("ovh", "mx0.mail.ovh.net", "redirect.ovh.net")
	f("comcast", "mx1a1.comcast.net")
	f("cox", "cxr.mx.a.cloudfilter.net")
	f("spectrum", "pkvw-mx.msg.pkvw.co.charter.net")
	f("att", "al-ip4-mx-vip1.prodigy.net")
	f("optimum", "mx.mx-altice.prod.cloud.synchronoss.net")
	f("vade", "mx01.oxsus-vadesecure.net")
	f("virginmedia", "mx.tb.ukmail.iss.as9143.net")
	f("ziggo", "mx.tb.mail.iss.as9143.net")
	f("tim", "smtp.aliceposta.it")
	f("rediff", "mx.rediffmail.rediff.akadns.net")
	f("sapo", "mx.ptmail.sapo.pt")
	f("proofpoint", "mx0a-001b2d01.pphosted.com", "mx1-us1.ppe-hosted.com")
	f("mimecast", "us-smtp-inbound-1.mimecast.com", "za-smtp-inbound-1.mimecast.co.za")
	f("barracuda", "d123456a.ess.barracudanetworks.com")
	f("cisco", "mx1.hc1.iphmx.com")
	f("trendmicro", "example.in.tmes.trendmicro.com", "example.in.hes.trendmicro.com", "example.in.tmes.trendmicro.eu")
	f("symantec", "cluster5.eu.messagelabs.com")
	f("hornetsecurity", "mx01.hornetsecurity.com")
	f("cloudflare", "route1.mx.cloudflare.net")
	f("amazon", "inbound-smtp.us-east-1.amazonaws.com", "inbound-smtp.eu-central-1.amazonaws.com", "feedback-smtp.eu-west-1.amazonses.com")
	f("rackspace", "mx1.emailsrvr.com")
	f("godaddy", "smtp.secureserver.net", "mailstore1.europe.secureserver.net")
	f("tucows", "mx.hover.com.cust.hostedemail.com", "mail.hostedemail.com")
	f("titan", "mx1.titan.email")
	f("hostinger", "mx1.hostinger.com")
	f("siteground", "mx10.antispam.mailspamprotection.com")
	f("migadu", "aspmx1.migadu.com")
	f("zoho", "mx.zoho.com", "mx.zoho.eu", "smtpin.zoho.com", "mx.zoho.com.cn")
	f("fastmail", "in1-smtp.messagingengine.com")
	f("proton", "mail.protonmail.ch", "mailsec.protonmail.ch")
	f("forwardemail", "mx1.forwardemail.net")
}

// Servers that customers run under a hosting or access company's name are not
// that company's mail service.
func TestProviderOfCustomersServer(t *testing.T) {
	for _, host := range []string{"ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", "vps-12345.vps.ovh.net", "ns12345.ovh.net",
		"ip-192-0-2-1.ip.secureserver.net", "abc.fbx.proxad.net"} {
		if got := ProviderOf([]byte(host), nil); got != OtherProvider {
			t.Errorf("%s: %v, want other", host, got)
		}
	}
}

func TestProviderOf(t *testing.T) {
	f := func(host, domain, want string) {
		t.Helper()
		if got := ProviderOf([]byte(host), []byte(domain)).String(); got != want {
			t.Errorf("%q, %q: %s, want %s", host, domain, got, want)
		}
	}
	f("", "", "other")
	f(".", ".", "other")
	f("", "gmail.com", "google")
	f("", "GMail.Com.", "google")
	f("", "sub.gmail.com", "google")
	f("mx.example.com", "gmail.com", "google")
	f("mx.example.com", "example.com", "other")
	f("MX01.Mail.iCloud.Com.", "", "apple")
	f("mta5.am0.yahoodns.net", "comcast.net", "yahoo") // the exchanger decides, not the domain
	f("notqq.com", "", "other")                        // whole labels only
	f("qq.com.example.net", "", "other")
	f("com", "", "other")
	f("mail.yahoo.co.jp", "", "yahoojp")
	f("", "yahoo.co.jp", "yahoojp")
	f("", "yahoo.co.uk", "yahoo")
	f("", "163.com", "netease")
	f("", "foxmail.com", "tencent")
	f(strings.Repeat("a.", 123)+"gmail.co", "", "other")
	f(strings.Repeat("a.", 200)+"qq.com", "", "other") // longer than a name can be
}

func TestProvidersTable(t *testing.T) {
	table := Providers()
	if table[OtherProvider].Name != "other" || len(table) != NumProviders || NumProviders <= 100 {
		t.Fatalf("%d providers, the first is %q", len(table), table[OtherProvider].Name)
	}
	seen := make(map[string]bool)
	for i := range table {
		p := &table[i]
		if p.Provider != Provider(i) || p.Provider.String() != p.Name || seen[p.Name] {
			t.Errorf("row %d: %+v", i, p)
		}
		seen[p.Name] = true
		if i == 0 {
			continue
		}
		if len(p.MXSuffixes) == 0 || p.Source == "" {
			t.Errorf("%s: no exchangers or no source", p.Name)
		}
		checkNames(t, p, p.MXSuffixes, func(name string) Provider { return ProviderOf([]byte("mx1."+name), nil) })
		checkNames(t, p, p.Domains, func(name string) Provider { return ProviderOf(nil, []byte(name)) })
	}
	if got := Provider(255).String(); got != "other" {
		t.Errorf("Provider(255) is %s", got)
	}
}

// checkNames wants every name in lower case, found, and not already covered by
// another name of its row.
func checkNames(t *testing.T, p *ProviderInfo, names []string, find func(string) Provider) {
	t.Helper()
	for _, name := range names {
		if name != strings.ToLower(name) || !strings.Contains(name, ".") || strings.Trim(name, ".") != name {
			t.Errorf("%s: bad name %q", p.Name, name)
		}
		if got := find(name); got != p.Provider {
			t.Errorf("%s: %s is %v", p.Name, name, got)
		}
		for _, other := range names {
			if strings.HasSuffix(name, "."+other) {
				t.Errorf("%s: %s is covered by %s", p.Name, name, other)
			}
		}
	}
}

func TestProviderOfDoesNotAllocate(t *testing.T) {
	host, domain := []byte("Mail.Example.NET."), []byte("Example.COM")
	if n := testing.AllocsPerRun(100, func() { ProviderOf(host, domain) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
