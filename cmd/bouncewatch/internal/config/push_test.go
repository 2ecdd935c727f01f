package config

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Secrets come from files, a new one at once, and go to the named host alone.
func TestPushSecrets(t *testing.T) {
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, "elsewhere") }))
	defer elsewhere.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer receiver.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	post := func(client *http.Client) {
		t.Helper()
		resp, err := client.Post(receiver.URL, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("status %s", resp.Status)
		}
	}
	for _, p := range []Push{{BearerTokenFile: secret}, {Username: "mx1", PasswordFile: secret}, {}} {
		write("first\n")
		client, err := p.Client()
		if err != nil {
			t.Fatal(err)
		}
		post(client)
		write("second")
		post(client)
	}
	// RFC 6750 section 2.1, RFC 7617 section 2: base64 of mx1:first and mx1:second.
	want := []string{"Bearer first", "Bearer second", "Basic bXgxOmZpcnN0", "Basic bXgxOnNlY29uZA==", "", ""}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The certificate of a receiver is checked, against ca_file where one is given.
func TestPushChecksCertificates(t *testing.T) {
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, trusted := range map[string]bool{"": false, file: true} {
		client, err := (&Push{CAFile: ca}).Client()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get(receiver.URL)
		if (err == nil) != trusted {
			t.Errorf("with ca_file %q: %v", ca, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	if _, err := (&Push{CAFile: "/nowhere"}).Client(); err == nil {
		t.Error("no error of a file that is not there")
	}
}
