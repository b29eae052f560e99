// Package strictjson reads and writes JSON (RFC 8259) without surprises.
//
// It refuses what encoding/json lets pass and what has bitten OAuth clients:
// members that stand twice, members that differ only in case, lone surrogates
// and invalid UTF-8, text after the value, and deep nesting. Numbers keep their
// literal, so 1e3 and 1000 can be told apart. It needs no reflection, which
// keeps the WebAssembly module small. Error texts never quote the input.
package strictjson

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 32

// Kind is the kind of a Value.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String names the kind with its article, for messages.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Value is a parsed JSON value.
type Value struct {
	Kind Kind
	// Text is the content of a String, the literal of a Number, and "true" or
	// "false" for a Bool.
	Text string
	// Items are the items of an Array.
	Items []Value
	// Members are the members of an Object, in their order.
	Members []Member
	// Raw is the input text of the value.
	Raw []byte
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value
}

// Get returns the member with exactly that name.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Int returns the value of a number that is written as an integer. Out of
// range, it returns the nearest int64 and true.
func (v Value) Int() (int64, bool) {
	if v.Kind != Number || strings.ContainsAny(v.Text, ".eE") {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// Parse reads exactly one JSON value.
func Parse(data []byte) (Value, error) {
	p := parser{data: data}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if p.space(); p.at < len(p.data) {
		return Value{}, p.fail("there is text after the JSON value")
	}
	return v, nil
}

type parser struct {
	data []byte
	at   int
}

func (p *parser) fail(what string) error {
	return errors.New("not valid JSON: " + what + " at byte " + strconv.Itoa(p.at))
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (v Value, err error) {
	if depth > MaxDepth {
		return v, p.fail("the nesting is too deep")
	}
	start := p.at
	switch c := p.peek(); {
	case c == '{':
		v, err = p.object(depth)
	case c == '[':
		v, err = p.array(depth)
	case c == '"':
		v.Kind = String
		v.Text, err = p.str()
	case c == '-' || '0' <= c && c <= '9':
		v, err = p.number()
	default:
		v, err = p.word()
	}
	v.Raw = p.data[start:p.at]
	return v, err
}

func (p *parser) word() (Value, error) {
	for word, v := range map[string]Value{"null": {}, "true": {Kind: Bool, Text: "true"}, "false": {Kind: Bool, Text: "false"}} {
		if strings.HasPrefix(string(p.data[p.at:min(p.at+5, len(p.data))]), word) {
			p.at += len(word)
			return v, nil
		}
	}
	if p.at == len(p.data) {
		return Value{}, p.fail("it ends too early")
	}
	return Value{}, p.fail("a value is expected")
}

func (p *parser) number() (Value, error) {
	start := p.at
	digits := func() bool {
		from := p.at
		for '0' <= p.peek() && p.peek() <= '9' {
			p.at++
		}
		return p.at > from
	}
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !digits() {
		return Value{}, p.fail("a digit is expected")
	}
	if p.peek() == '.' {
		if p.at++; !digits() {
			return Value{}, p.fail("a digit is expected")
		}
	}
	if p.peek() == 'e' || p.peek() == 'E' {
		if p.at++; p.peek() == '+' || p.peek() == '-' {
			p.at++
		}
		if !digits() {
			return Value{}, p.fail("a digit is expected")
		}
	}
	return Value{Kind: Number, Text: string(p.data[start:p.at])}, nil
}

func (p *parser) array(depth int) (Value, error) {
	v := Value{Kind: Array}
	p.at++
	if p.space(); p.peek() == ']' {
		p.at++
		return v, nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return v, nil
		default:
			return v, p.fail("a comma or ] is expected")
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	v := Value{Kind: Object}
	p.at++
	if p.space(); p.peek() == '}' {
		p.at++
		return v, nil
	}
	seen := map[string]bool{}
	for {
		if p.space(); p.peek() != '"' {
			return v, p.fail("a member name is expected")
		}
		name, err := p.str()
		if err != nil {
			return v, err
		}
		folded := strings.ToLower(name)
		if seen[folded] {
			return v, p.fail("a member stands twice")
		}
		seen[folded] = true
		if p.space(); p.peek() != ':' {
			return v, p.fail("a colon is expected")
		}
		p.at++
		p.space()
		value, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, Member{name, value})
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			return v, nil
		default:
			return v, p.fail("a comma or } is expected")
		}
	}
}

func (p *parser) str() (string, error) {
	p.at++
	var b strings.Builder
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < ' ':
			return "", p.fail("a control character stands in a string")
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			p.at++
		default:
			r, size := utf8.DecodeRune(p.data[p.at:])
			if r == utf8.RuneError && size == 1 {
				return "", p.fail("a string is not UTF-8")
			}
			b.WriteRune(r)
			p.at += size
		}
	}
	return "", p.fail("a string does not end")
}

func (p *parser) escape() (rune, error) {
	p.at++
	if p.at == len(p.data) {
		return 0, p.fail("an escape is cut off")
	}
	c := p.data[p.at]
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if p.peek() == '\\' && p.at+1 < len(p.data) && p.data[p.at+1] == 'u' {
			p.at += 2
			low, err := p.hex4()
			if err != nil {
				return 0, err
			}
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
		return 0, p.fail("a surrogate stands alone")
	}
	return 0, p.fail("an escape is not known")
}

func (p *parser) hex4() (rune, error) {
	if p.at+4 > len(p.data) {
		return 0, p.fail("an escape is cut off")
	}
	n, err := strconv.ParseUint(string(p.data[p.at:p.at+4]), 16, 16)
	if err != nil {
		return 0, p.fail("an escape is not hexadecimal")
	}
	p.at += 4
	return rune(n), nil
}
