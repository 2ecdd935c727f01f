package replycode

// Classify says why mail failed.
func Classify(r Reply) Verdict {
	return Verdict{Provider: ProviderOf(r.RelayHost, r.RecipientDomain)}
}
