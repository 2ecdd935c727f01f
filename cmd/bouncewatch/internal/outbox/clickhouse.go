package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A ClickHouse takes rows by HTTP.
type ClickHouse struct {
	URL    string
	Table  string
	Client *http.Client // with what the server wants to know of who asks

	old atomic.Bool // the server knows no identities
}

// insertTimeout is long enough for a server that merges.
const insertTimeout = time.Minute

// unknownSetting is how ClickHouse names a setting that it does not know.
const unknownSetting = "Code: 115"

// Insert implements Insert. Servers before 22 know no identities; there the key
// of the table makes rows of a batch that came twice one.
func (c *ClickHouse) Insert(ctx context.Context, identity string, rows []byte) error {
	body, err := packed(rows)
	if err != nil {
		return err
	}
	known := !c.old.Load()
	reply, err := c.post(ctx, c.address(identity, known), body)
	if err != nil && known && strings.HasPrefix(reply, unknownSetting) {
		c.old.Store(true)
		_, err = c.post(ctx, c.address(identity, false), body)
	}
	return err
}

func packed(rows []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(rows)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func (c *ClickHouse) address(identity string, known bool) string {
	q := url.Values{
		"query":                            {"INSERT INTO " + c.Table + " FORMAT JSONEachRow"},
		"input_format_skip_unknown_fields": {"1"}, // a table of an earlier version
	}
	if known {
		q.Set("insert_deduplication_token", identity)
	}
	return strings.TrimRight(c.URL, "/") + "/?" + q.Encode()
}

// post returns what the server said of a fault.
func (c *ClickHouse) post(ctx context.Context, address string, body []byte) (reply string, err error) {
	ctx, cancel := context.WithTimeout(ctx, insertTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := c.Client.Do(req)
	if err != nil {
		return "", withoutQuery(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil {
		return "", fmt.Errorf("clickhouse: %w", err)
	}
	if resp.StatusCode != http.StatusOK || bytes.HasPrefix(text, []byte("Code:")) {
		return string(text), fmt.Errorf("clickhouse: %s: %s", resp.Status, withoutAddresses(string(text)))
	}
	return "", nil
}

// withoutQuery leaves the identity out, which is another one each time.
func withoutQuery(err error) error {
	if e, ok := err.(*url.Error); ok {
		return fmt.Errorf("clickhouse: %w", e.Err)
	}
	return err
}

// withoutAddresses is the beginning of what a server says, which may quote a row.
func withoutAddresses(text string) string {
	words := strings.Fields(text[:min(len(text), 300)])
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "<address>"
		}
	}
	return strings.Join(words, " ")
}
