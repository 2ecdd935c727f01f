package replycode

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MaxOwnProviders is how many names configurations may add to the table of
// providers in one process: each is a value of labels, so their number is bounded.
const MaxOwnProviders = 32

// MaxProviders is above every Provider, own ones included, for slices indexed by
// Provider.
var MaxProviders = NumProviders + MaxOwnProviders

// An OwnProvider is a provider of a configuration: more names for one of the
// table, or one of its own.
type OwnProvider struct {
	Name    string   `yaml:"name"`              // as in labels and JSON
	MX      []string `yaml:"mx,omitempty"`      // suffixes of the names of its mail exchangers
	Domains []string `yaml:"domains,omitempty"` // recipient domains, for when the exchanger is not known
}

// The names that are not of the table, in the order of their numbers. Numbers are
// never given back: counts of the process and of its state refer to them.
var (
	ownNamesLock sync.Mutex
	ownNames     = func() *atomic.Pointer[[]string] {
		var p atomic.Pointer[[]string]
		p.Store(new([]string))
		return &p
	}()
)

// providerForm keeps names short and fit for labels, file names and flags.
var providerForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// ProviderCount is the number of providers that have a name now: those of the
// table, then own ones.
func ProviderCount() int { return NumProviders + len(*ownNames.Load()) }

// NameProvider is the provider of that name. A name that the table lacks gets a
// number of its own; beyond MaxOwnProviders it is OtherProvider. ok is false for
// what is no name: lower-case letters, digits, - and _, at most 32, a letter first.
func NameProvider(name string) (p Provider, ok bool) {
	if p, ok := parseProvider(name); ok {
		return p, true
	}
	if !providerForm.MatchString(name) {
		return OtherProvider, false
	}
	ownNamesLock.Lock()
	defer ownNamesLock.Unlock()
	if p, ok := ownProvider(name); ok {
		return p, true
	}
	names := *ownNames.Load()
	if len(names) == MaxOwnProviders {
		return OtherProvider, true
	}
	more := append(slices.Clip(names), name)
	ownNames.Store(&more)
	return Provider(NumProviders + len(names)), true
}

func ownProvider(name string) (Provider, bool) {
	if i := slices.Index(*ownNames.Load(), name); i >= 0 {
		return Provider(NumProviders + i), true
	}
	return OtherProvider, false
}

// ofRelay is the provider of a mail exchanger: own ones go before those of the table.
func (set *ruleSet) ofRelay(host []byte) Provider {
	if p := bySuffix(set.ownMX, host); p != OtherProvider {
		return p
	}
	return bySuffix(mxIndex, host)
}

// ofDomain is the provider of a recipient domain, own ones first. It counts where
// the exchanger's name does not tell.
func (set *ruleSet) ofDomain(domain []byte) Provider {
	if p := bySuffix(set.ownDomains, domain); p != OtherProvider {
		return p
	}
	return bySuffix(domainIndex, domain)
}

// addProviders gives the names of checked providers their numbers; it is false
// where former configurations left no room.
func (set *ruleSet) addProviders(providers []OwnProvider) bool {
	set.ownMX, set.ownDomains = map[string]Provider{}, map[string]Provider{}
	for _, own := range providers {
		p, _ := NameProvider(own.Name)
		if p == OtherProvider {
			return false
		}
		for _, name := range own.MX {
			set.ownMX[strings.ToLower(name)] = p
		}
		for _, name := range own.Domains {
			set.ownDomains[strings.ToLower(name)] = p
		}
	}
	return true
}
