package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// object is a JSON object by exact member names. encoding/json would match
// them in any case, let the last of two win, and keep copies of the values;
// these are parts of the text.
type object map[string][]byte

func readObject(text []byte, where string) (object, error) {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(skipped)); errors.As(err, &syntax) {
		return nil, refuse(fmt.Sprintf("%s is not valid JSON at byte %d", where, syntax.Offset), "Copy the JWK again, whole and unchanged, with plain double quotes.")
	} else if err != nil || !isObject(text) {
		return nil, refuse(where+" is not a JSON object", "Give the JWK itself, an object with kty, n, e and d.")
	}
	members := object{}
	for _, piece := range split(text) {
		end := 1 + endOfString(piece[1:])
		var name string
		if json.Unmarshal(piece[:end], &name) != nil {
			return nil, refuse("a member of "+where+" has a name that is not text", "Export the JWK again.")
		}
		if _, repeated := members[name]; repeated {
			return nil, refuse("the member "+shown(name)+" of "+where+" occurs twice", "Keep one of the two.")
		}
		_, value, _ := bytes.Cut(piece[end:], []byte(":"))
		members[name] = bytes.TrimSpace(value)
	}
	return members, nil
}

// skipped takes any JSON value and keeps nothing of it.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// split cuts a valid JSON object or array at its own commas.
func split(text []byte) [][]byte {
	var pieces [][]byte
	depth, start := 0, 0
	cut := func(end int) {
		if piece := bytes.TrimSpace(text[start:end]); len(piece) > 0 {
			pieces = append(pieces, piece)
		}
		start = end + 1
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += endOfString(text[i+1:])
		case '{', '[':
			if depth++; depth == 1 {
				start = i + 1
			}
		case '}', ']':
			if depth--; depth == 0 {
				cut(i)
			}
		case ',':
			if depth == 1 {
				cut(i)
			}
		}
	}
	return pieces
}

// endOfString returns how many bytes the rest of a JSON string has, up to and
// with its closing quote.
func endOfString(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
