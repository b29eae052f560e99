package vectors

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// whole are the members that are compared with all they have; every other
// object may have more members than a case expects.
var whole = map[string]bool{"header": true, "claims": true, "headers": true}

// Match compares what a case expects with what came out, and returns what
// differs, or "". Expecting null means that the member must be absent.
// "problems" is compared as a set; each text of "says" must be part of the
// error's text; none of "hides" may be part of the outcome, its requests left
// out; a member that ends in _at_most is an upper bound.
func Match(expect map[string]any, outcome any) string {
	want, got := plain(expect), plain(outcome)
	members, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("the outcome is %s", show(got))
	}
	rest := map[string]any{}
	expected, _ := want.(map[string]any)
	for name, value := range expected {
		switch name {
		case "says":
			text, _ := members["text"].(string)
			for _, words := range value.([]any) {
				if !strings.Contains(text, words.(string)) {
					return fmt.Sprintf("%q does not say %q", text, words)
				}
			}
		case "hides":
			shown := maps.Clone(members)
			delete(shown, "requests") // the only place where secrets belong
			for _, words := range value.([]any) {
				if strings.Contains(show(shown), words.(string)) {
					return fmt.Sprintf("a secret shows in %s", show(shown))
				}
			}
		case "problems":
			if a, b := sorted(value), sorted(members[name]); !slices.Equal(a, b) {
				return fmt.Sprintf("the problems are %q, want %q", b, a)
			}
		default:
			if bounded, ok := strings.CutSuffix(name, "_at_most"); ok {
				if number, ok := members[bounded].(float64); !ok || number < 0 || number > value.(float64) {
					return fmt.Sprintf("%s is %s, want 0 to %s", bounded, show(members[bounded]), show(value))
				}
				continue
			}
			rest[name] = value
		}
	}
	return differ("", rest, got, false)
}

func differ(path string, want, got any, exact bool) string {
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %s, want an object", path, show(got))
		}
		for name, value := range want {
			found, ok := members[name]
			if value == nil && !ok {
				continue
			}
			if why := differ(path+"."+name, value, found, exact || whole[name]); why != "" {
				return why
			}
		}
		if exact && len(members) != len(want) {
			return fmt.Sprintf("%s is %s, want %s", path, show(got), show(want))
		}
		return ""
	case []any:
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			return fmt.Sprintf("%s is %s, want %s", path, show(got), show(want))
		}
		for i := range want {
			if why := differ(fmt.Sprintf("%s[%d]", path, i), want[i], items[i], exact); why != "" {
				return why
			}
		}
		return ""
	}
	if want != got {
		return fmt.Sprintf("%s is %s, want %s", path, show(got), show(want))
	}
	return ""
}

func sorted(list any) []string {
	var texts []string
	items, _ := list.([]any)
	for _, item := range items {
		texts = append(texts, fmt.Sprint(item))
	}
	sort.Strings(texts)
	return texts
}

// plain is a value as JSON has it.
func plain(v any) any {
	data, err := encode(v)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		panic("vectors: " + err.Error())
	}
	return out
}

func show(v any) string {
	data, _ := encode(v)
	return string(data)
}
