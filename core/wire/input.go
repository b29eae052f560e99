package wire

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// object reads the members of one JSON object and notes everything that is
// wrong with it: members of the wrong kind, and those that nobody asked for.
type object struct {
	path     string
	value    strictjson.Value
	known    map[string]bool
	problems *[]core.Problem
}

func (o object) note(name, message, remedy string) {
	*o.problems = append(*o.problems, core.Problem{Field: o.path + name, Message: message, Remedy: remedy})
}

// member returns a member of that kind. Null and absent are the same.
func (o object) member(name string, kind strictjson.Kind) (strictjson.Value, bool) {
	o.known[name] = true
	v, ok := o.value.Get(name)
	if !ok || v.Kind == strictjson.Null {
		return v, false
	}
	if v.Kind != kind {
		o.note(name, "it is "+v.Kind.String(), "Give "+kind.String()+".")
		return v, false
	}
	return v, true
}

func (o object) has(name string) bool {
	v, ok := o.value.Get(name)
	return ok && v.Kind != strictjson.Null
}

func (o object) text(name string) string {
	v, _ := o.member(name, strictjson.String)
	if v.Kind != strictjson.String {
		return ""
	}
	return v.Text
}

// filled is text for a member that narrows what the token is good for: left
// empty by accident it would stand for everything.
func (o object) filled(name string) string {
	text := o.text(name)
	if v, ok := o.value.Get(name); ok && v.Kind == strictjson.String && text == "" {
		o.note(name, "it is empty", "Give a value, or leave the member out.")
	}
	return text
}

// bytes reads standard base64.
func (o object) bytes(name string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(o.text(name))
	if err != nil {
		o.note(name, "it is not standard base64", "Encode the bytes in base64 (not base64url).")
	}
	return decoded
}

func (o object) flag(name string) bool {
	v, ok := o.member(name, strictjson.Bool)
	return ok && v.Text == "true"
}

func (o object) number(name string, most int64) int64 {
	v, ok := o.member(name, strictjson.Number)
	if !ok {
		return 0
	}
	n, whole := v.Int()
	if !whole || n < 0 || n > most {
		o.note(name, "it is not a whole number from 0 to "+strconv.FormatInt(most, 10), "Correct the number.")
		return 0
	}
	return n
}

// texts reads an array of strings; one string counts as an array of one.
func (o object) texts(name string) []string {
	o.known[name] = true
	if v, ok := o.value.Get(name); ok && v.Kind == strictjson.String {
		return []string{v.Text}
	}
	v, _ := o.member(name, strictjson.Array)
	list := make([]string, 0, len(v.Items))
	for i, item := range v.Items {
		if item.Kind != strictjson.String {
			o.note(index(name, i), "it is "+item.Kind.String(), "Give a string.")
			return nil
		}
		list = append(list, item.Text)
	}
	return list
}

// object reads a member that is an object; read is not called without one.
func (o object) object(name string, read func(object)) {
	if v, ok := o.member(name, strictjson.Object); ok {
		readObject(o.path+name+".", v, o.problems, read)
	}
}

func readObject(path string, value strictjson.Value, problems *[]core.Problem, read func(object)) {
	o := object{path, value, map[string]bool{}, problems}
	read(o)
	for _, m := range value.Members {
		if !o.known[m.Name] && len(*problems) < 50 {
			o.note(printable(m.Name), "there is no such member", "Remove it or correct its name.")
		}
	}
}

// readInput parses a whole input, which must be an object. Problems become one
// error with that code, together with those that validate finds in what was
// read from members without a problem.
func readInput(input []byte, what string, code core.Code, read func(object), validate func() error) error {
	if len(input) > maxInput {
		return core.NewError(core.CodeInvalidArgument, what+" is larger than 4 MiB", nil)
	}
	value, err := strictjson.Parse(input)
	if err != nil {
		return core.NewError(core.CodeInvalidArgument, what+" is "+err.Error(), nil)
	}
	if value.Kind != strictjson.Object {
		return core.NewError(core.CodeInvalidArgument, what+" is "+value.Kind.String()+", not an object", nil)
	}
	var problems []core.Problem
	readObject("", value, &problems, read)
	var more *core.Error
	if validate != nil && errors.As(validate(), &more) {
		noted := problems
		for _, p := range more.Problems {
			if !slices.ContainsFunc(noted, func(n core.Problem) bool { return core.SameMember(n.Field, p.Field) }) {
				problems = append(problems, p)
			}
		}
	}
	return core.InvalidInput(code, problems)
}

// readClientConfig reads a configuration, and how many events shall be kept.
func readClientConfig(input []byte) (config core.ClientConfig, events int, err error) {
	var keyErr error
	err = readInput(input, "the configuration", core.CodeInvalidConfig, func(o object) {
		config.Environment = readEnvironment(o)
		config.ClientID = o.text("client_id")
		config.ESeal = o.flag("eseal")
		config.GrantLife = time.Duration(o.number("grant_life_seconds", 1<<31)) * time.Second
		config.CacheLimit = int(o.number("cache_limit", 1<<31))
		config.WaitWhileFailing = o.flag("wait_while_failing")
		config.StoreKey = o.bytes("store_key")
		events = int(o.number("events", maxEvents))
		config.Key, config.NextKeys, keyErr = readKeys(o)
	}, func() error {
		if keyErr == nil {
			return config.Validate()
		}
		checked := config
		checked.Key, checked.NextKeys, checked.ESeal = core.Key{KeyID: "unread"}, nil, false
		return withKeyProblem(checked.Validate(), keyErr)
	})
	if err == nil {
		err = keyErr
	}
	return config, events, err
}

// readKeys reads the members key and next_keys. The error is that of a key that
// cannot be used; what is wrong with the next ones is noted.
func readKeys(o object) (key core.Key, next []core.Key, err error) {
	if !o.has("key") {
		o.known["key"] = true
		o.note("key", "it is missing", "Give a key as pem, jwk or pkcs12, or the kid or x5c of a key that you sign with yourself.")
	}
	o.object("key", func(k object) { key, err = readKey(k) })
	list, _ := o.member("next_keys", strictjson.Array)
	for i, item := range list.Items {
		if item.Kind != strictjson.Object {
			o.note(index("next_keys", i), "it is "+item.Kind.String(), "Give an object, as key is one.")
			continue
		}
		readObject(o.path+index("next_keys", i)+".", item, o.problems, func(k object) {
			read, unread := readKey(k)
			var bad *core.Error
			if errors.As(unread, &bad) {
				o.note(index("next_keys", i), bad.Message, bad.Remedy)
			}
			next = append(next, read)
		})
	}
	return key, next, err
}

// withKeyProblem adds what is wrong with the key to what is wrong with the rest.
// A key error that stands alone is told as it is.
func withKeyProblem(rest, keyErr error) error {
	var all, key *core.Error
	if errors.As(rest, &all) && errors.As(keyErr, &key) {
		all.Problems = append(all.Problems, core.Problem{Field: "key", Message: key.Message, Remedy: key.Remedy})
	}
	return rest
}

func readEnvironment(o object) (env core.Environment) {
	if v, ok := o.value.Get("environment"); ok && v.Kind == strictjson.Object {
		o.object("environment", func(e object) {
			env = core.Environment{Issuer: e.text("issuer"), TokenEndpoint: e.text("token_endpoint"), MetadataURL: e.text("metadata_url"),
				CustomsTokenEndpoint: e.text("customs_token_endpoint"), CustomsTestAuth: e.text("customs_test_auth"),
				AllowLoopbackHTTP: e.flag("allow_loopback_http")}
		})
		return env.Completed()
	}
	name := o.text("environment")
	env, err := core.EnvironmentByName(name)
	if err != nil && o.known["environment"] {
		problem := err.(*core.Error).Problems[0]
		*o.problems = append(*o.problems, problem)
	}
	return env
}

// readKey reads the key member: a private key, or the public face of one that
// the host signs with.
func readKey(o object) (core.Key, error) {
	if o.has("pem") || o.has("jwk") || o.has("pkcs12") {
		return privateKey(o)
	}
	key := core.Key{Algorithm: o.text("alg"), KeyID: o.text("kid"), SignatureSize: int(o.number("signature_size", 1<<16))}
	if end := o.number("not_after_ms", 1<<53); end != 0 {
		key.NotAfter = time.UnixMilli(end)
	}
	for i, text := range o.texts("x5c") {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			o.note(index("x5c", i), "it is not standard base64", "Give the certificate in DER, encoded in base64 (not base64url).")
		}
		key.CertificateChain = append(key.CertificateChain, der)
	}
	return key, nil
}

// readHead reads the status and headers of a response.
func readHead(input []byte) (response core.Response, err error) {
	err = readInput(input, "the response head", core.CodeInvalidArgument, func(o object) {
		response.Status = int(o.number("status", 999))
		headers, _ := o.member("headers", strictjson.Object)
		for _, m := range headers.Members {
			values := []strictjson.Value{m.Value}
			if m.Value.Kind == strictjson.Array {
				values = m.Value.Items
			}
			for _, v := range values {
				if v.Kind == strictjson.String {
					response.Header = append(response.Header, core.Header{Name: m.Name, Value: v.Text})
				}
			}
		}
		if response.Status < 100 {
			o.note("status", "it is no HTTP status", "Give the status of the response, 100 to 999.")
		}
	}, nil)
	return response, err
}

// readReason reads why a step failed.
func readReason(input []byte) (reason *core.Error, err error) {
	err = readInput(input, "the reason", core.CodeInvalidArgument, func(o object) {
		code, message := core.Code(o.text("code")), o.text("message")
		switch code {
		case core.CodeSigningFailed, core.CodeConnectionFailed, core.CodeTimeout, core.CodeTLSFailed, core.CodeCancelled:
		default:
			o.note("code", "it is none that a host may report", "Use signing_failed, connection_failed, timeout, tls_failed or cancelled.")
		}
		if message == "" {
			message = "the host reported " + string(code)
		}
		reason = core.NewError(code, printable(message), nil)
		if code == core.CodeSigningFailed {
			reason.Retryable = o.flag("retryable")
		} else {
			o.known["retryable"] = true
		}
	}, nil)
	return reason, err
}

func index(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

// printable cuts text of unknown origin to what may stand in a message.
func printable(text string) string { return core.Printable(text) }
