package strictjson

import (
	"strconv"
	"unicode/utf8"
)

// AppendString appends text as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// Writer builds one JSON object, member by member.
type Writer struct{ out []byte }

// NewWriter returns a Writer that begins in the room it is given, which must
// be empty.
func NewWriter(room []byte) Writer { return Writer{room} }

func (w *Writer) name(name string) {
	if len(w.out) == 0 {
		w.out = append(w.out, '{')
	} else {
		w.out = append(w.out, ',')
	}
	w.out = append(AppendString(w.out, name), ':')
}

// String adds a string.
func (w *Writer) String(name, value string) {
	w.name(name)
	w.out = AppendString(w.out, value)
}

// Optional adds a string unless it is empty.
func (w *Writer) Optional(name, value string) {
	if value != "" {
		w.String(name, value)
	}
}

// Strings adds an array of strings.
func (w *Writer) Strings(name string, values []string) {
	w.name(name)
	w.out = append(w.out, '[')
	for i, value := range values {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = AppendString(w.out, value)
	}
	w.out = append(w.out, ']')
}

// Int adds an integer.
func (w *Writer) Int(name string, value int64) {
	w.name(name)
	w.out = strconv.AppendInt(w.out, value, 10)
}

// Bool adds a boolean.
func (w *Writer) Bool(name string, value bool) {
	w.name(name)
	w.out = strconv.AppendBool(w.out, value)
}

// Raw adds a value that is JSON already.
func (w *Writer) Raw(name string, value []byte) {
	w.name(name)
	w.out = append(w.out, value...)
}

// Bytes ends the object and returns it.
func (w *Writer) Bytes() []byte {
	if len(w.out) == 0 {
		w.out = append(w.out, '{')
	}
	return append(w.out, '}')
}
