package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func newCodes() *cobra.Command {
	return newTable("codes", "List reply codes and enhanced status codes with meanings",
		"  bouncewatch codes --search mailbox --lang zh",
		func(lang string, show func(line, also string)) {
			row := func(code, title, titleZH, reference string) {
				show(fmt.Sprintf("%-8s %s  (%s)", code, pick(lang, title, titleZH), reference), title)
			}
			for _, c := range replycode.Codes() {
				row(c.Code.String(), c.Title, c.TitleZH, c.Reference)
			}
			for _, e := range replycode.EnhancedCodes() {
				row(e.Pattern, e.Title, e.TitleZH, e.Reference)
			}
		})
}

func newCauses() *cobra.Command {
	return newTable("causes", "List the causes of failure, who must act on them, and how",
		"  bouncewatch causes --search sender",
		func(lang string, show func(line, also string)) {
			for _, c := range replycode.Causes() {
				show(fmt.Sprintf("%-18s %s\n%s %s\n%s %s", c.Name, pick(lang, c.Definition, c.DefinitionZH),
					terminal.Right(pick(lang, "who acts:", "处理方:"), 18), language.Text(lang, c.Actor),
					terminal.Right(pick(lang, "advice:", "建议:"), 18), pick(lang, c.Advice, c.AdviceZH)), c.Definition+c.Advice+c.Actor)
			}
		})
}

func newProviders() *cobra.Command {
	return newTable("providers", "List the mail providers that are told apart, and by which names",
		"  bouncewatch providers --search outlook",
		func(_ string, show func(line, also string)) {
			for _, p := range replycode.Providers() {
				show(fmt.Sprintf("%-14s %s\n%14s MX %s\n%14s domains %s", p.Name, p.Display, "",
					orNone(p.MXSuffixes), "", orNone(p.Domains)), "")
			}
		})
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}

// newTable is a command that lists a table. rows calls show with each row as
// printed, and with other words that --search should find it by.
func newTable(use, short, example string, rows func(lang string, show func(line, also string))) *cobra.Command {
	var lang, search string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noArgs, Example: example,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			rows(lang, func(line, also string) {
				if err == nil && strings.Contains(strings.ToLower(line+also), strings.ToLower(search)) {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
				}
			})
			if err != nil {
				return inputError{err}
			}
			return nil
		},
	}
	langFlag(cmd.Flags(), &lang)
	cmd.Flags().StringVar(&search, "search", "", "only rows with this `text`")
	return cmd
}
