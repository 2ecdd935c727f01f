package outbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
)

// A server is a ClickHouse that remembers what it was asked and answers with
// what is prepared.
type server struct {
	t        *testing.T
	requests []request
	answers  []answer // of the next requests; then all is well
}

type request struct {
	query          url.Values
	user, password string
	rows           string
}

type answer struct {
	status int
	text   string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var rows []byte
	body, err := gzip.NewReader(r.Body)
	if err == nil {
		rows, err = io.ReadAll(body)
	}
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Encoding") != "gzip" {
		s.t.Errorf("%s %s: %v", r.Method, r.Header.Get("Content-Encoding"), err)
	}
	user, password, _ := r.BasicAuth()
	s.requests = append(s.requests, request{r.URL.Query(), user, password, string(rows)})
	if len(s.answers) > 0 {
		a := s.answers[0]
		s.answers = s.answers[1:]
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.text)
	}
}

func start(t *testing.T, answers ...answer) (*server, *ClickHouse) {
	t.Helper()
	s := &server{t: t, answers: answers}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, connect(t, config.ClickHouse{URL: h.URL})
}

func connect(t *testing.T, c config.ClickHouse) *ClickHouse {
	t.Helper()
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	return &ClickHouse{URL: c.URL, Table: "mail.events", Client: client}
}

func TestInsert(t *testing.T) {
	s, c := start(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = connect(t, config.ClickHouse{URL: c.URL, Username: "bw", PasswordFile: password})
	if err := c.Insert(t.Context(), "id1", []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	r := s.requests[0]
	if r.query.Get("query") != "INSERT INTO mail.events FORMAT JSONEachRow" || r.query.Get("insert_deduplication_token") != "id1" {
		t.Errorf("query %v", r.query)
	}
	if r.user != "bw" || r.password != "secret" || r.rows != "{}\n" {
		t.Errorf("user %q, password %q, rows %q", r.user, r.password, r.rows)
	}
}

// QUIRK: a ClickHouse before 22 refuses a setting that it does not know.
func TestServerWithoutIdentities(t *testing.T) {
	s, c := start(t, answer{http.StatusInternalServerError, "Code: 115, e.displayText() = DB::Exception: Unknown setting insert_deduplication_token, e.what() = DB::Exception\n"})
	for range 2 {
		if err := c.Insert(t.Context(), "id", []byte("{}\n")); err != nil {
			t.Fatal(err)
		}
	}
	var with []bool
	for _, r := range s.requests {
		with = append(with, r.query.Has("insert_deduplication_token"))
	}
	if !slices.Equal(with, []bool{true, false, false}) {
		t.Errorf("requests with an identity: %v", with)
	}
}

func TestFaultsOfTheServer(t *testing.T) {
	for _, c := range []struct {
		answer
		want string
	}{
		{answer{404, "Code: 60, e.displayText() = DB::Exception: Table mail.events doesn't exist."}, "clickhouse: 404 Not Found: Code: 60, e.displayText() = DB::Exception: Table mail.events doesn't exist."},
		{answer{400, "Code: 27. Cannot parse \"recipient\":\"bob@example.com\" here"}, "clickhouse: 400 Bad Request: Code: 27. Cannot parse <address> here"},
		{answer{200, "Code: 241. Memory limit exceeded"}, "clickhouse: 200 OK: Code: 241. Memory limit exceeded"},
		{answer{502, strings.Repeat("x", 5000)}, "clickhouse: 502 Bad Gateway: " + strings.Repeat("x", 300)},
		{answer{307, ""}, "clickhouse: 307 Temporary Redirect: "},
	} {
		s, ch := start(t, c.answer)
		if err := ch.Insert(t.Context(), "id", []byte("{}\n")); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.answer, err, c.want)
		}
		if len(s.requests) != 1 {
			t.Errorf("%d requests", len(s.requests))
		}
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	h := httptest.NewServer(nil)
	c := connect(t, config.ClickHouse{URL: h.URL})
	h.Close()
	err := c.Insert(t.Context(), "id", []byte("{}\n"))
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "INSERT") {
		t.Errorf("error %v", err)
	}
	c = connect(t, config.ClickHouse{URL: h.URL, Username: "bw", PasswordFile: filepath.Join(t.TempDir(), "none")})
	if err := c.Insert(t.Context(), "id", nil); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Errorf("error %v", err)
	}
}
