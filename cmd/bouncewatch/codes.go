package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func newCodes() *cobra.Command {
	var lang, search string
	cmd := &cobra.Command{
		Use: "codes", Short: "List the reply codes and enhanced status codes with their meanings", Args: cobra.NoArgs,
		Example: "  bouncewatch codes --search mailbox --lang zh",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lang != "en" && lang != "zh" {
				return fmt.Errorf("unknown language %q: known languages are en, zh", lang)
			}
			show := func(code, title, titleZH, reference string) {
				line := fmt.Sprintf("%-8s %s  (%s)", code, pick(lang, title, titleZH), reference)
				if strings.Contains(strings.ToLower(line+title), strings.ToLower(search)) {
					fmt.Fprintln(cmd.OutOrStdout(), line)
				}
			}
			for _, c := range replycode.Codes() {
				show(c.Code.String(), c.Title, c.TitleZH, c.Reference)
			}
			for _, e := range replycode.EnhancedCodes() {
				show(e.Pattern, e.Title, e.TitleZH, e.Reference)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "en", "en or zh")
	cmd.Flags().StringVar(&search, "search", "", "only rows with this text")
	return cmd
}
