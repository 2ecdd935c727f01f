package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func newExplain() *cobra.Command {
	var lang, format string
	cmd := &cobra.Command{
		Use: "explain CODE [ENHANCED] | TEXT | LINE | -", Short: "Say what a code, a reply or a log line means",
		Example: "  bouncewatch explain 550\n  bouncewatch explain 5.7.26 --lang zh\n  bouncewatch explain '550-5.1.1 The account does not exist'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lang != "en" && lang != "zh" {
				return fmt.Errorf("unknown language %q: known languages are en, zh", lang)
			}
			if format != "text" && format != "json" {
				return fmt.Errorf("unknown format %q: known formats are json, text", format)
			}
			text := []byte(strings.Join(args, " "))
			if string(text) == "-" {
				var err error
				if text, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20)); err != nil {
					return inputError{err}
				}
			}
			e, err := explain(bytes.TrimSpace(text), lang)
			if err != nil {
				return inputError{err}
			}
			if format == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
			}
			return e.write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "en", "en or zh")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// An explanation is the answer about one code, reply or line.
type explanation struct {
	Code       string `json:"code,omitempty"`
	Meaning    string `json:"meaning,omitempty"`
	Class      string `json:"class,omitempty"`
	Reference  string `json:"reference,omitempty"`
	Enhanced   string `json:"enhanced,omitempty"`
	EnhancedIs string `json:"enhanced_meaning,omitempty"`
	EnhancedBy string `json:"enhanced_reference,omitempty"`
	Cause      string `json:"cause,omitempty"`
	Definition string `json:"definition,omitempty"`
	Actor      string `json:"actor,omitempty"`
	Advice     string `json:"advice,omitempty"`
	Rule       string `json:"rule,omitempty"`
	Provider   string `json:"provider,omitempty"`
	lang       string
}

// explain reads text as a log line if it is one, else as a reply.
func explain(text []byte, lang string) (*explanation, error) {
	var parser logparse.Parser
	var ev logparse.Event
	if r := parser.Parse(text, &ev); r >= logparse.ResultRemark {
		return newExplanation(ev.Code, ev.Enhanced, ev.Status == logparse.Sent, pipeline.Classify(&ev), lang), nil
	}
	code, enhanced := replycode.Find(text)
	if enhanced == replycode.NoEnhanced {
		enhanced, _ = replycode.ParseEnhanced(text)
	}
	v := replycode.Classify(replycode.Reply{Code: code, Enhanced: enhanced, Text: text})
	if code == replycode.None && enhanced == replycode.NoEnhanced && v.Cause == replycode.UnknownCause {
		return nil, fmt.Errorf("%q holds no reply code that any standard knows, and no rule knows its text", text)
	}
	class := code.Class()
	if class == replycode.NoClass {
		class = enhanced.Class()
	}
	return newExplanation(code, enhanced, class == replycode.Success || class == replycode.Intermediate, v, lang), nil
}

func newExplanation(code replycode.Code, enhanced replycode.Enhanced, good bool, v replycode.Verdict, lang string) *explanation {
	e := &explanation{Code: code.String(), Enhanced: enhanced.String(), lang: lang}
	if info, ok := replycode.LookupCode(code); ok {
		e.Meaning, e.Reference = pick(lang, info.Title, info.TitleZH), info.Reference
	}
	if info, ok := replycode.LookupEnhanced(enhanced); ok {
		e.EnhancedIs, e.EnhancedBy = pick(lang, info.Title, info.TitleZH), info.Reference
	}
	if c := code.Class(); c != replycode.NoClass {
		e.Class = c.String()
	} else if c := enhanced.Class(); c != replycode.NoClass {
		e.Class = c.String()
	}
	if good {
		return e
	}
	info := replycode.Causes()[v.Cause]
	e.Cause, e.Actor, e.Rule = info.Name, info.Actor, v.Rule
	e.Definition, e.Advice = pick(lang, info.Definition, info.DefinitionZH), pick(lang, info.Advice, info.AdviceZH)
	if v.Provider != replycode.OtherProvider {
		e.Provider = v.Provider.String()
	}
	return e
}

func pick(lang, en, zh string) string {
	if lang == "zh" && zh != "" {
		return zh
	}
	return en
}

func (e *explanation) write(w io.Writer) error {
	rows := [][2]string{
		{"code", join(e.Code, e.Meaning, e.Reference)}, {"class", e.Class},
		{"enhanced", join(e.Enhanced, e.EnhancedIs, e.EnhancedBy)},
		{"cause", join(e.Cause, e.Definition, "")}, {"who acts", e.Actor}, {"advice", e.Advice},
		{"provider", e.Provider}, {"rule", e.Rule},
	}
	if e.lang == "zh" {
		for i, label := range []string{"代码", "类别", "增强代码", "原因", "处理方", "建议", "服务商", "规则"} {
			rows[i][0] = label
		}
	}
	var err error
	for _, r := range rows {
		if r[1] != "" {
			_, werr := fmt.Fprintf(w, "%-9s %s\n", r[0], r[1])
			err = errors.Join(err, werr)
		}
	}
	return err
}

func join(what, meaning, reference string) string {
	if what == "" {
		return ""
	}
	if meaning != "" {
		what += "  " + meaning
	}
	if reference != "" {
		what += "  (" + reference + ")"
	}
	return what
}
