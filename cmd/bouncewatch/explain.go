package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const explainLong = `explain says what a reply code, a reply or a line of a log means: the code and
the enhanced code, why mail failed, who must act and how, which rule says so and
on what kind of evidence, and what else spoke but was not believed, and why.

"-" reads the reply or the line from standard input. With --config, rules and
providers of a configuration file decide before the built-in ones.

Exit status: 0 it is explained, 1 nothing is known of it, 2 wrong usage.`

func newExplain() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use: "explain CODE [ENHANCED] | TEXT | LINE | -", Short: "Say what a code, a reply or a log line means", Long: explainLong,
		SuggestFor: []string{"lookup", "code", "classify"},
		Example:    "  bouncewatch explain 550\n  bouncewatch explain 5.7.26 --lang zh\n  bouncewatch explain '550-5.1.1 The account does not exist'",
		Args:       needs("a code or a reply", "550 5.7.26"),
		RunE:       func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	langFlag(cmd.Flags(), &o.lang)
	formatFlag(cmd.Flags(), &o.format, "text", "json")
	cmd.Flags().StringVar(&o.relay, "relay", "", "host that gave the reply, for rules of one provider; a line names it itself")
	o.config.addFlag(cmd.Flags())
	return cmd
}

type explainOptions struct {
	lang, format, relay string
	config              rulesFlag
}

func (o *explainOptions) run(cmd *cobra.Command, args []string) error {
	rules, err := o.config.load()
	if err != nil {
		return err
	}
	text := []byte(strings.Join(args, " "))
	if string(text) == "-" {
		if text, err = io.ReadAll(io.LimitReader(stdin(cmd), 1<<20)); err != nil {
			return inputError{err}
		}
	}
	q := ask(bytes.TrimSpace(text))
	if o.relay != "" {
		q.reply.RelayHost = []byte(o.relay)
	}
	e, err := q.explain(replycode.NewClassifier(rules), o.lang)
	if err == nil {
		err = o.write(cmd.OutOrStdout(), e)
	}
	if err != nil {
		return inputError{err}
	}
	return nil
}

func (o *explainOptions) write(w io.Writer, e *explanation) error {
	if o.format == "text" {
		return e.write(w, o.lang)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(e)
}

// A question is a reply, or what a log line says of one.
type question struct {
	reply replycode.Reply
	line  bool
	good  bool // nothing failed
}

// ask reads text as a log line if it is one, else as a reply.
func ask(text []byte) *question {
	var parser logparse.Parser
	var ev logparse.Event
	if r := parser.Parse(text, &ev); r >= logparse.ResultRemark {
		return &question{reply: pipeline.ReplyOf(&ev), line: true, good: ev.Status == logparse.Sent}
	}
	reply := replycode.Reply{Text: text}
	reply.Code, reply.Enhanced = replycode.Find(text)
	if reply.Enhanced == replycode.NoEnhanced {
		reply.Enhanced, _ = replycode.ParseEnhanced(text)
	}
	class := classOf(&reply)
	return &question{reply: reply, good: class == replycode.Success || class == replycode.Intermediate}
}

func classOf(r *replycode.Reply) replycode.Class {
	if r.Code != replycode.None {
		return r.Code.Class()
	}
	return r.Enhanced.Class()
}

// explain asks the rules.
func (q *question) explain(c *replycode.Classifier, lang string) (*explanation, error) {
	v, list := c.Classify(q.reply), c.Explain(q.reply)
	known := q.line || q.reply.Code != replycode.None || q.reply.Enhanced != replycode.NoEnhanced
	if !known && v.Cause == replycode.UnknownCause {
		return nil, fmt.Errorf("%q holds no reply code that any standard knows, and no rule knows its text", q.reply.Text)
	}
	e := newExplanation(q.reply.Code, q.reply.Enhanced, lang)
	if !q.good {
		e.addCause(v, list, lang)
		if v.Cause == replycode.UnknownCause && isBare(q.reply.Text) {
			e.Advice = pick(lang, "give explain the whole reply: the code alone does not tell", "请给出完整应答:仅凭代码无法判断")
		}
	}
	return e, nil
}

// isBare says that a reply is nothing but its codes.
func isBare(text []byte) bool { return len(bytes.Trim(text, "0123456789. ")) == 0 }

// An explanation is the answer about one code, reply or line.
type explanation struct {
	Code       string      `json:"code,omitempty"`
	Meaning    string      `json:"meaning,omitempty"`
	Class      string      `json:"class,omitempty"`
	Reference  string      `json:"reference,omitempty"`
	Enhanced   string      `json:"enhanced,omitempty"`
	EnhancedIs string      `json:"enhanced_meaning,omitempty"`
	EnhancedBy string      `json:"enhanced_reference,omitempty"`
	Cause      string      `json:"cause,omitempty"`
	Definition string      `json:"definition,omitempty"`
	Actor      string      `json:"actor,omitempty"`
	Advice     string      `json:"advice,omitempty"`
	Rule       string      `json:"rule,omitempty"`
	Evidence   string      `json:"evidence,omitempty"`
	Label      string      `json:"label,omitempty"`
	Phrases    []string    `json:"phrases,omitempty"`
	Source     string      `json:"source,omitempty"`
	Provider   string      `json:"provider,omitempty"`
	Lost       []candidate `json:"runners_up,omitempty"`
}

// A candidate is evidence that did not decide.
type candidate struct {
	Cause    string   `json:"cause"`
	Rule     string   `json:"rule"`
	Evidence string   `json:"evidence"`
	Label    string   `json:"label,omitempty"`
	Phrases  []string `json:"phrases,omitempty"`
	Source   string   `json:"source,omitempty"`
	Why      string   `json:"why_lost"`
}

func newExplanation(code replycode.Code, enhanced replycode.Enhanced, lang string) *explanation {
	e := &explanation{Code: code.String(), Enhanced: enhanced.String()}
	if info, ok := replycode.LookupCode(code); ok {
		e.Meaning, e.Reference = pick(lang, info.Title, info.TitleZH), info.Reference
	}
	if info, ok := replycode.LookupEnhanced(enhanced); ok {
		e.EnhancedIs, e.EnhancedBy = pick(lang, info.Title, info.TitleZH), info.Reference
	}
	if c := classOf(&replycode.Reply{Code: code, Enhanced: enhanced}); c != replycode.NoClass {
		e.Class = c.String()
	}
	return e
}

// addCause says why mail failed; list is the evidence, what decided first.
func (e *explanation) addCause(v replycode.Verdict, list []replycode.Candidate, lang string) {
	info := replycode.Causes()[v.Cause]
	e.Cause, e.Actor, e.Rule, e.Label = info.Name, info.Actor, v.Rule, v.Label
	e.Definition, e.Advice = pick(lang, info.Definition, info.DefinitionZH), pick(lang, info.Advice, info.AdviceZH)
	if v.Provider != replycode.OtherProvider {
		e.Provider = v.Provider.String()
	}
	for i, c := range list {
		evidence := pick(lang, c.Evidence.String(), c.Evidence.NameZH())
		if i == 0 {
			e.Evidence, e.Phrases, e.Source = evidence, c.Phrases, c.Source
			continue
		}
		e.Lost = append(e.Lost, candidate{Cause: c.Cause.String(), Rule: c.Rule, Evidence: evidence, Label: c.Label,
			Phrases: c.Phrases, Source: c.Source, Why: pick(lang, c.Lost, c.LostZH)})
	}
}

func pick(lang, en, zh string) string {
	if lang == "zh" && zh != "" {
		return zh
	}
	return en
}

var explanationLabels = map[string][]string{
	"en": {"code", "class", "enhanced", "cause", "who acts", "advice", "provider", "rule", "label", "found", "source", "runner-up"},
	"zh": {"代码", "类别", "增强代码", "原因", "处理方", "建议", "服务商", "规则", "标签", "匹配", "来源", "未采用"},
}

func (e *explanation) write(w io.Writer, lang string) error {
	values := [][]string{
		{join(e.Code, e.Meaning, e.Reference)}, {e.Class}, {join(e.Enhanced, e.EnhancedIs, e.EnhancedBy)},
		{join(e.Cause, e.Definition, "")}, {language.Text(lang, e.Actor)}, {e.Advice},
		{e.Provider}, {join(e.Rule, "", e.Evidence)}, {e.Label}, {quoted(e.Phrases)}, {e.Source}, nil,
	}
	for _, c := range e.Lost {
		last := &values[len(values)-1]
		*last = append(*last, join(c.Cause, c.Rule, c.Evidence)+": "+c.Why)
	}
	var text strings.Builder
	for i, label := range explanationLabels[lang] {
		for _, value := range values[i] {
			if value != "" {
				fmt.Fprintf(&text, "%s %s\n", terminal.Left(label, 9), value)
			}
			label = ""
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func quoted(phrases []string) string {
	all := make([]string, len(phrases))
	for i, p := range phrases {
		all[i] = fmt.Sprintf("%q", p)
	}
	return strings.Join(all, ", ")
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
