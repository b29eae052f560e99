package vectors

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// Blob is bytes: a JSON string where they are text, {"base64"} where they are
// not, {"parts": [[text, times], …]} where they are long.
type Blob struct {
	Text   string
	Base64 string
	Parts  []Part
}

// Part is a text so many times.
type Part struct {
	Text  string
	Times int
}

// Bytes returns what the blob stands for. A nil blob stands for nothing.
func (b *Blob) Bytes() []byte {
	if b == nil {
		return nil
	}
	if b.Base64 != "" {
		raw, err := base64.StdEncoding.DecodeString(b.Base64)
		if err != nil {
			panic("vectors: " + err.Error())
		}
		return raw
	}
	out := []byte(b.Text)
	for _, part := range b.Parts {
		out = append(out, strings.Repeat(part.Text, part.Times)...)
	}
	return out
}

// MarshalJSON writes the shortest of the three forms.
func (b Blob) MarshalJSON() ([]byte, error) {
	switch {
	case b.Base64 != "":
		return encode(map[string]string{"base64": b.Base64})
	case b.Parts != nil:
		parts := make([][2]any, len(b.Parts))
		for i, part := range b.Parts {
			parts[i] = [2]any{part.Text, part.Times}
		}
		return encode(map[string]any{"parts": parts})
	}
	return encode(b.Text)
}

// UnmarshalJSON reads any of the three forms.
func (b *Blob) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.Text)
	}
	var form struct {
		Base64 string              `json:"base64"`
		Parts  [][]json.RawMessage `json:"parts"`
	}
	if err := strict(data, &form); err != nil {
		return err
	}
	b.Base64 = form.Base64
	for _, raw := range form.Parts {
		var part Part
		if len(raw) != 2 {
			return errors.New("a part is [text, times]")
		}
		if err := errors.Join(json.Unmarshal(raw[0], &part.Text), json.Unmarshal(raw[1], &part.Times)); err != nil {
			return err
		}
		b.Parts = append(b.Parts, part)
	}
	return nil
}
