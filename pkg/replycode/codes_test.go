package replycode

import (
	"strings"
	"testing"
)

// The 22 codes of RFC 5321 section 4.2.3 that postmasters meet, with words that
// their meaning there has, in both languages. Class and category are the first
// and the second digit (section 4.2.1).
func TestStandardMeanings(t *testing.T) {
	for _, c := range []struct {
		code          string
		class         Class
		category      string
		words, words2 string
	}{
		{"211", Success, "information", "status help", "系统状态"},
		{"214", Success, "information", "help", "帮助"},
		{"220", Success, "connections", "service ready", "服务 就绪"},
		{"221", Success, "connections", "closing channel", "关闭 通道"},
		{"250", Success, "mail system", "action done", "操作 完成"},
		{"251", Success, "mail system", "user not local forward", "用户 非本地 转发"},
		{"252", Success, "mail system", "cannot verify user", "无法验证 用户"},
		{"354", Intermediate, "mail system", "send message", "开始 邮件"},
		{"421", TransientFailure, "connections", "service not available closing channel", "服务不可用 关闭"},
		{"450", TransientFailure, "mail system", "mailbox not available now", "邮箱 暂时 不可用"},
		{"451", TransientFailure, "mail system", "local error aborted", "本地错误 中止"},
		{"452", TransientFailure, "mail system", "not enough storage system", "系统 存储 不足"},
		{"500", PermanentFailure, "syntax", "command not recognized", "命令 无法识别"},
		{"501", PermanentFailure, "syntax", "syntax error parameters", "参数 语法错误"},
		{"502", PermanentFailure, "syntax", "command not implemented", "命令 未实现"},
		{"503", PermanentFailure, "syntax", "commands out of order", "命令 顺序"},
		{"504", PermanentFailure, "syntax", "parameter not implemented", "参数 未实现"},
		{"550", PermanentFailure, "mail system", "mailbox not available", "邮箱 不可用"},
		{"551", PermanentFailure, "mail system", "user not local", "用户 非本地"},
		{"552", PermanentFailure, "mail system", "storage allocation exceeded", "存储"},
		{"553", PermanentFailure, "mail system", "mailbox name not allowed", "邮箱 名"},
		{"554", PermanentFailure, "mail system", "transaction failed no smtp service", "失败 服务"},
	} {
		code, ok := ParseCode([]byte(c.code))
		if !ok {
			t.Errorf("%s is no code", c.code)
			continue
		}
		info, ok := LookupCode(code)
		if !ok || !info.Standard || info.Category != c.category || code.Class() != c.class || code.String() != c.code {
			t.Errorf("%s: standard %v, category %q, class %v", c.code, info.Standard, info.Category, code.Class())
		}
		if !strings.HasPrefix(info.Reference, "RFC 5321 4.2.3") {
			t.Errorf("%s: reference %q", c.code, info.Reference)
		}
		for _, word := range strings.Fields(c.words) {
			if !strings.Contains(strings.ToLower(info.Title), word) {
				t.Errorf("%s: %q lacks %q", c.code, info.Title, word)
			}
		}
		for _, word := range strings.Fields(c.words2) {
			if !strings.Contains(info.TitleZH, word) {
				t.Errorf("%s: %q lacks %q", c.code, info.TitleZH, word)
			}
		}
	}
}
