package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep JSON in a grant may be nested. authorization_details
// needs four levels.
const maxDepth = 16

// parseObject reads one JSON object the strict way: valid UTF-8, no member
// twice at any level, nothing after the end. Numbers become json.Number,
// because 1.5 and 1e9 are no NumericDate of Maskinporten's and a float would
// hide that. Errors never quote values.
func parseObject(data []byte) (map[string]any, error) {
	value, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	return object, nil
}

func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("it is not JSON in UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return parseValue(decoder, 0)
}

// decodeStrict reads what people write for the sandbox: as strict as
// parseObject, and a member that into does not have, in exactly this spelling,
// is an error that names it and those that there are.
func decodeStrict(data []byte, into any) error {
	value, err := parseJSON(data)
	if err != nil {
		return err
	}
	if err := checkMembers(value, reflect.TypeOf(into).Elem(), "it"); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// checkMembers looks for members that a type does not have. A value of another
// kind than the type is left to encoding/json.
func checkMembers(value any, t reflect.Type, where string) error {
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			if t.Kind() != reflect.Slice {
				break
			}
			if err := checkMembers(element, t.Elem(), fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			break
		}
		fields := map[string]reflect.Type{}
		var names []string
		for _, field := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			fields[name] = field.Type
			names = append(names, name)
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if fields[name] == nil {
				return fmt.Errorf("%s has the unknown member %q; it may have %s", where, shorten(name), strings.Join(names, ", "))
			}
			if err := checkMembers(value[name], fields[name], where+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseValue reads the next value. The text is known to be valid JSON.
func parseValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for decoder.More() {
			token, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name, _ := token.(string)
			if _, twice := object[name]; twice {
				return nil, fmt.Errorf("the member %q is there twice", shorten(name))
			}
			if object[name], err = parseValue(decoder, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := parseValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

// shorten bounds the text of a stranger before it goes into the journal.
func shorten(text string) string {
	const limit = 256
	if len(text) <= limit {
		return text
	}
	cut := limit
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
