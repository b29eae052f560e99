package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// witness compares what a program says it did with the journal of the sandbox.
type witness struct {
	settings settings
	before   journal
}

// journal is what the sandbox has seen.
type journal struct {
	Requests []struct {
		Path   string `json:"path"`
		Status int    `json:"status"`
	} `json:"requests"`
	Counts map[string]int `json:"counts"`
}

// newWitness remembers what the sandbox has seen so far. Without a sandbox, at
// the real Maskinporten, there is nothing to compare with.
func newWitness(ctx context.Context, settingsFile string) (witness, error) {
	s, err := readSettings(settingsFile)
	if err != nil {
		return witness{}, err
	}
	w := witness{settings: s}
	if s.Control != "" {
		w.before, err = w.read(ctx)
	}
	return w, err
}

// confirm takes back what the sandbox has not seen, and says so.
func (w witness) confirm(ctx context.Context, o *outcome) error {
	if w.settings.Control == "" {
		return nil
	}
	after, err := w.read(ctx)
	if err != nil {
		*o = outcome{}
		return err
	}
	var unseen []string
	seen := func(said bool, address string) bool {
		if said && !w.before.answered(after, address) {
			unseen = append(unseen, address)
			return false
		}
		return said
	}
	o.Grant = seen(o.Grant, w.settings.TokenEndpoint)
	o.Token = o.Token && o.Grant
	o.Customs = seen(o.Customs, w.settings.CustomsTokenEndpoint)
	if o.TestAuth == http.StatusOK && !seen(true, w.settings.CustomsTestAuth) {
		o.TestAuth = 0
	}
	if len(unseen) == 0 {
		return nil
	}
	return failed(core.CodeRejected, "the sandbox has answered it with 200 at none of: "+strings.Join(unseen, ", "),
		"Let the program ask the addresses in the settings that it is given.", nil)
}

// answered reports whether since then a request to the address was answered
// with 200. The journal may have let its oldest entries go; the counts go on.
func (before journal) answered(after journal, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	fresh := after.Counts[u.Path] - before.Counts[u.Path]
	for _, request := range slices.Backward(after.Requests) {
		if fresh == 0 {
			break
		}
		if request.Path == u.Path {
			if request.Status == http.StatusOK {
				return true
			}
			fresh--
		}
	}
	return false
}

func (w witness) read(ctx context.Context) (journal, error) {
	var j journal
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.settings.Control+"/journal", nil)
	if err == nil {
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			defer response.Body.Close()
			err = json.NewDecoder(io.LimitReader(response.Body, 32<<20)).Decode(&j)
		}
	}
	if err != nil {
		return j, failed(core.CodeConnectionFailed, "the journal of the sandbox cannot be read",
			"Check that the sandbox still runs, and that the settings are of that sandbox.", err)
	}
	return j, nil
}
