package wire

import (
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

func tokenJSON(t core.Token) []byte {
	var w strictjson.Writer
	w.String("access_token", t.AccessToken())
	w.String("token_type", t.TokenType())
	w.String("scope", t.Scope())
	w.Int("requested_at_ms", t.RequestedAt().UnixMilli())
	w.Int("expires_at_ms", t.ExpiresAt().UnixMilli())
	w.Int("usable_until_ms", t.UsableUntil().UnixMilli())
	return w.Bytes()
}

func stepJSON(s core.Step) []byte {
	var w strictjson.Writer
	w.String("step", string(s.Kind))
	switch s.Kind {
	case core.StepSign:
		w.String("alg", s.Algorithm)
		w.String("signing_input", string(s.SigningInput))
	case core.StepSend:
		var headers strictjson.Writer
		for _, h := range s.Request.Header {
			headers.String(h.Name, h.Value)
		}
		w.String("method", s.Request.Method)
		w.String("url", s.Request.URL)
		w.Raw("headers", headers.Bytes())
		w.String("body", string(s.Request.Body))
		w.Int("timeout_ms", s.Request.Timeout.Milliseconds())
		w.Int("max_body", int64(s.Request.MaxBody))
	case core.StepWait:
		w.Int("wait_ms", int64((s.Wait+time.Millisecond-1)/time.Millisecond))
	case core.StepLoad:
		w.String("store_key", s.StoreKey)
	case core.StepSave:
		w.String("store_key", s.StoreKey)
		w.String("entry", string(s.Entry))
		w.Int("life_ms", s.Life.Milliseconds())
	case core.StepDone:
		w.Raw("token", tokenJSON(s.Token))
	case core.StepFailed:
		w.Raw("error", errorJSON(s.Err))
	}
	return w.Bytes()
}
