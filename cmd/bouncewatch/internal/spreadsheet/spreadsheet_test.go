package spreadsheet

import "testing"

func TestCell(t *testing.T) {
	for s, want := range map[string]string{
		"":                               "",
		"ann@example.com":                "ann@example.com",
		"=cmd|'/c'!A1@example.com":       "'=cmd|'/c'!A1@example.com",
		"+1@example.com":                 "'+1@example.com",
		"-ann@example.com":               "'-ann@example.com",
		"@SUM(A1)":                       "'@SUM(A1)",
		" =1+1":                          "' =1+1",
		"\t=1+1":                         "' =1+1",
		"a\r\n=1+1":                      "a  =1+1",
		"550 5.1.1 \x1b[31mno such user": "550 5.1.1 ?[31mno such user",
		"2026-11-25T10:00:00Z":           "2026-11-25T10:00:00Z",
		"\"=1+1\"@example.com":           "\"=1+1\"@example.com",
		"用户不存在 =1":                       "用户不存在 =1",
	} {
		if got := Cell(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
