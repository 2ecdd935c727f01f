package replycode

import (
	_ "embed"
	"strings"
)

//go:embed providers.tsv
var providersTSV string

// OtherProvider is every host and domain that the table does not name.
const OtherProvider Provider = 0

// A ProviderInfo is one row of the table of providers.
type ProviderInfo struct {
	Provider   Provider
	Name       string   // as in labels and JSON
	Display    string   // the organisation
	MXSuffixes []string // names of its mail exchangers
	Domains    []string // recipient domains, for when the exchanger is not known
	Source     string   // where the suffixes can be checked
}

var (
	providerTable = parseProviders(providersTSV)
	mxIndex       = indexProviders(func(p *ProviderInfo) []string { return p.MXSuffixes })
	domainIndex   = indexProviders(func(p *ProviderInfo) []string { return p.Domains })
)

// NumProviders is the number of providers with OtherProvider, for slices
// indexed by Provider.
var NumProviders = len(providerTable)

// Providers is a copy of the table; the row of OtherProvider comes first.
func Providers() []ProviderInfo { return append([]ProviderInfo(nil), providerTable...) }

// String is the name of the provider as it stands in labels and JSON.
func (p Provider) String() string {
	if int(p) < len(providerTable) {
		return providerTable[p].Name
	}
	if names := *ownNames.Load(); int(p)-len(providerTable) < len(names) {
		return names[int(p)-len(providerTable)]
	}
	return providerTable[OtherProvider].Name
}

// ProviderOf names the organisation behind the mail exchanger relayHost, else
// behind the recipient domain. A suffix matches whole labels only, the longest
// one wins, case and one trailing dot do not matter.
func ProviderOf(relayHost, recipientDomain []byte) Provider {
	if p := bySuffix(mxIndex, relayHost); p != OtherProvider {
		return p
	}
	return bySuffix(domainIndex, recipientDomain)
}

const maxDomain = 255 // RFC 1035 section 2.3.4

func bySuffix(index map[string]Provider, host []byte) Provider {
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(index) == 0 || len(host) == 0 || len(host) > maxDomain {
		return OtherProvider
	}
	var lower [maxDomain]byte
	for i, c := range host {
		lower[i] = lowerByte(c)
	}
	for rest := lower[:len(host)]; ; {
		if p, ok := index[string(rest)]; ok {
			return p
		}
		dot := 0
		for dot < len(rest) && rest[dot] != '.' {
			dot++
		}
		if dot == len(rest) {
			return OtherProvider
		}
		rest = rest[dot+1:]
	}
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func parseProviders(text string) []ProviderInfo {
	table := []ProviderInfo{{Provider: OtherProvider, Name: "other", Display: "any other"}}
	for _, f := range tsvRows("providers.tsv", text, 5) {
		table = append(table, ProviderInfo{Provider: Provider(len(table)), Name: f[0], Display: f[1],
			MXSuffixes: words(f[2]), Domains: words(f[3]), Source: f[4]})
	}
	if len(table)+MaxOwnProviders > 255 {
		panic("replycode: providers.tsv: too many providers")
	}
	return table
}

func words(s string) []string { return strings.Fields(orEmpty(s)) }

func parseProvider(name string) (Provider, bool) {
	for i := range providerTable {
		if providerTable[i].Name == name {
			return Provider(i), true
		}
	}
	return ownProvider(name)
}

func indexProviders(names func(*ProviderInfo) []string) map[string]Provider {
	index := make(map[string]Provider)
	for i := range providerTable {
		for _, name := range names(&providerTable[i]) {
			if _, twice := index[name]; twice {
				panic("replycode: providers.tsv: repeated name " + name)
			}
			index[name] = Provider(i)
		}
	}
	return index
}
