package core

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestAuditLog(t *testing.T) {
	var log bytes.Buffer
	endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
		if n == 1 {
			return refuses(400, "invalid_scope", "Token request contains invalid scopes for client, a:b", "MP-200"), nil
		}
		return tokenResponse(n, 120), nil
	}}
	config := testConfig(endpoint)
	config.OnEvent = AuditLog(&log)
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	testSource(t, client, "a:b").Token(t.Context())
	testSource(t, client, "c:d").Token(t.Context())
	if strings.Contains(log.String(), canary) {
		t.Errorf("a secret is in the log: %s", log.String())
	}
	var kinds []string
	for line := range strings.Lines(log.String()) {
		var entry struct {
			Event  string   `json:"event"`
			Time   string   `json:"time"`
			Source string   `json:"source"`
			Scopes []string `json:"scopes"`
			KeyID  string   `json:"kid"`
			JTI    string   `json:"jti"`
			Error  *struct {
				MPCode  string `json:"mp_code"`
				TraceID string `json:"trace_id"`
			} `json:"error"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if entry.Time == "" || len(entry.Source) != 64 || len(entry.Scopes) != 1 || entry.KeyID != "kid:kid-1" || (entry.JTI == "") != (entry.Event == "acquisition_started") {
			t.Errorf("%s", line)
		}
		if entry.Error != nil && (entry.Error.MPCode != "MP-200" || entry.Error.TraceID == "") {
			t.Errorf("%s", line)
		}
		kinds = append(kinds, entry.Event)
	}
	want := "acquisition_started attempt acquisition_ended acquisition_started attempt acquisition_ended"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("events: %s, want %s", got, want)
	}
}
