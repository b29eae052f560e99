package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestRefused(t *testing.T) {
	for _, text := range []string{``, ` `, `{`, `[`, `"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `{"a":1 "b":2}`, `{a:1}`, `nul`, `True`, `01`, `1.`, `.5`, `+1`, `-`, `1e`, `0x1`,
		`{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":1}x`, `[] []`, "\"\x01\"", "\"\xff\"", `"\x"`, `"\`, `"\\\`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\ud800\u0041"`, `"\udc00"`,
		"\ufeff{}", `//`, `NaN`, `'a'`, strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2)} {
		if v, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %v", text, v)
		}
	}
}

func TestValues(t *testing.T) {
	v, err := Parse([]byte(" {\"a\":[1,-2.5e3,true,null,\"\\u00e6\\ud83d\\ude00\\n/\"],\"b\":{}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	list, _ := v.Get("a")
	if len(list.Items) != 5 || list.Items[1].Text != "-2.5e3" || list.Items[2].Text != "true" || list.Items[3].Kind != Null || list.Items[4].Text != "æ😀\n/" {
		t.Errorf("%+v", list)
	}
	if b, ok := v.Get("b"); !ok || b.Kind != Object || string(b.Raw) != "{}" {
		t.Errorf("%+v", b)
	}
	if _, ok := v.Get("B"); ok {
		t.Error("names are matched in another case")
	}
	for text, want := range map[string]int64{"0": 0, "-7": -7, "9223372036854775807": 1<<63 - 1, "9223372036854775808": 1<<63 - 1} {
		number, _ := Parse([]byte(text))
		if n, ok := number.Int(); !ok || n != want {
			t.Errorf("%s: %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"1.0", "1e3", `"1"`} {
		number, _ := Parse([]byte(text))
		if n, ok := number.Int(); ok {
			t.Errorf("%s is taken for the integer %d", text, n)
		}
	}
}

func TestWriter(t *testing.T) {
	var inner, w Writer
	w.String("text", "a\"\\\n\x7f\u2028æ😀\xff")
	w.Optional("absent", "")
	w.Strings("list", []string{"x", "y"})
	w.Int("int", -5)
	w.Bool("bool", true)
	w.Raw("object", inner.Bytes())
	var got map[string]any
	if err := json.Unmarshal(w.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["text"] != "a\"\\\n\x7f\u2028æ😀\ufffd" || len(got) != 5 || got["int"] != -5.0 || got["bool"] != true || len(got["list"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
}

// FuzzParse compares with encoding/json: what is accepted here is accepted
// there, and means the same.
func FuzzParse(f *testing.F) {
	f.Add(`{"a":[1,2.5e-3,true,null,"\u00e6"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse([]byte(text))
		if err == nil && !json.Valid([]byte(text)) {
			t.Errorf("%q is accepted", text)
		}
		var other string
		if err == nil && v.Kind == String && (json.Unmarshal([]byte(text), &other) != nil || other != v.Text) {
			t.Errorf("%q is read as %q, not %q", text, v.Text, other)
		}
	})
}
