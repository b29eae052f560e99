package vectors

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// schema checks values against the part of JSON Schema 2020-12 that
// schema.json uses. A keyword that it does not know fails the test.
type schema struct {
	*testing.T
	root object
}

func readSchema(t *testing.T) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, SchemaFile))
	if err != nil {
		t.Fatal(err)
	}
	return schema{t, parsed(t, data).(object)}
}

func (s schema) check(value any) []string { return s.against(s.root, value, "$") }

// against returns what is wrong with the value at a path.
func (s schema) against(rules object, value any, path string) (wrong []string) {
	s.Helper()
	fail := func(format string, arguments ...any) {
		wrong = append(wrong, path+" "+fmt.Sprintf(format, arguments...))
	}
	members, isObject := value.(object)
	items, isArray := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	for keyword, rule := range rules {
		switch keyword {
		case "$schema", "title", "$defs", "then":
		case "$ref":
			name := strings.TrimPrefix(rule.(string), "#/$defs/")
			target, ok := s.root["$defs"].(object)[name].(object)
			if !ok {
				s.Fatalf("there is no definition %s", name)
			}
			wrong = append(wrong, s.against(target, value, path)...)
		case "type":
			if !isType(rule.(string), value) {
				fail("is not of type %s", rule)
			}
		case "const":
			if !reflect.DeepEqual(rule, value) {
				fail("is not %v", rule)
			}
		case "enum":
			found := false
			for _, one := range rule.([]any) {
				found = found || reflect.DeepEqual(one, value)
			}
			if !found {
				fail("is none of %v", rule)
			}
		case "required":
			for _, name := range rule.([]any) {
				if _, ok := members[name.(string)]; isObject && !ok {
					fail("lacks %s", name)
				}
			}
		case "properties":
			for name, inner := range rule.(object) {
				if member, ok := members[name]; ok {
					wrong = append(wrong, s.against(inner.(object), member, path+"."+name)...)
				}
			}
		case "additionalProperties":
			known, _ := rules["properties"].(object)
			for name, member := range members {
				if _, ok := known[name]; ok {
					continue
				}
				if inner, ok := rule.(object); ok {
					wrong = append(wrong, s.against(inner, member, path+"."+name)...)
				} else {
					fail("has the unknown member %s", name)
				}
			}
		case "items":
			for i, item := range items {
				wrong = append(wrong, s.against(rule.(object), item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		case "prefixItems":
			for i, inner := range rule.([]any) {
				if i < len(items) {
					wrong = append(wrong, s.against(inner.(object), items[i], fmt.Sprintf("%s[%d]", path, i))...)
				}
			}
		case "minItems":
			if isArray && float64(len(items)) < rule.(float64) {
				fail("has too few items")
			}
		case "maxItems":
			if isArray && float64(len(items)) > rule.(float64) {
				fail("has too many items")
			}
		case "minLength":
			if isText && float64(len(text)) < rule.(float64) {
				fail("is too short")
			}
		case "pattern":
			if isText && !regexp.MustCompile(rule.(string)).MatchString(text) {
				fail("does not match %s", rule)
			}
		case "minimum":
			if isNumber && number < rule.(float64) {
				fail("is less than %v", rule)
			}
		case "maximum":
			if isNumber && number > rule.(float64) {
				fail("is more than %v", rule)
			}
		case "allOf":
			for _, inner := range rule.([]any) {
				wrong = append(wrong, s.against(inner.(object), value, path)...)
			}
		case "oneOf":
			fits := 0
			for _, inner := range rule.([]any) {
				if why := s.against(inner.(object), value, path); len(why) == 0 {
					fits++
				} else if len(rule.([]any)) == 2 {
					wrong = append(wrong, why...) // dropped again if the other one fits
				}
			}
			if fits == 1 {
				wrong = nil
			} else {
				fail("fits %d of the alternatives", fits)
			}
		case "if":
			if len(s.against(rule.(object), value, path)) == 0 {
				wrong = append(wrong, s.against(rules["then"].(object), value, path)...)
			}
		default:
			s.Fatalf("nobody checks the keyword %s", keyword)
		}
	}
	return wrong
}

func isType(name string, value any) bool {
	switch v := value.(type) {
	case object:
		return name == "object"
	case []any:
		return name == "array"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	}
	return name == "null"
}
