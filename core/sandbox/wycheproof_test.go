package sandbox

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wycheproofGroup is a public JWK and signatures that are said to be its.
type wycheproofGroup struct {
	Comment string
	Public  json.RawMessage
	Tests   []struct {
		TcID                 int
		Comment, JWS, Result string
		Flags                []string
	}
}

// wycheproofGroups reads the Wycheproof vectors for JWS, which are not part of
// this repository: MASKINPORTEN_WYCHEPROOF names their directory.
func wycheproofGroups(t *testing.T) []wycheproofGroup {
	t.Helper()
	dir := os.Getenv("MASKINPORTEN_WYCHEPROOF")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "wycheproof")
	}
	data, err := os.ReadFile(filepath.Join(dir, "json_web_signature_test.json"))
	if os.IsNotExist(err) {
		t.Skip("the Wycheproof vectors are not here; set MASKINPORTEN_WYCHEPROOF to their testvectors_v1 directory")
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, group := range file.TestGroups {
		n += len(group.Tests)
	}
	if n == 0 || n != file.NumberOfTests {
		t.Fatalf("%d vectors were read, the file says %d", n, file.NumberOfTests)
	}
	return file.TestGroups
}

// What becomes of a vector.
const (
	accepted    = "accepted"
	atForm      = "refused by its form"
	atHeader    = "refused by its header"
	atSignature = "refused by its signature"
)

// judgeJWS applies the rules of the sandbox that are about the JWS alone. The
// payloads of the vectors are no claims, so the rules for claims stay out.
func judgeJWS(compact string, key *rsa.PublicKey) (outcome, algorithm string) {
	grant, _, err := parseCompact(compact)
	if err != nil {
		return atForm, ""
	}
	request := tokenRequest{grant: grant, key: registeredKey{public: key}}
	algorithm = text(grant.header, "alg")
	switch {
	case checkHeader(&request) != nil:
		return atHeader, algorithm
	case checkSignature(&request) != nil:
		return atSignature, algorithm
	}
	return accepted, algorithm
}

// registering returns why a client cannot have the JWK as its key, or nil.
func registering(jwk json.RawMessage) error {
	_, err := ParseConfig(fmt.Appendf(nil, `{"clients": [{"client_id": "some", "organization": "123456789", "keys": [%s]}]}`, jwk))
	return err
}

// Every valid vector must be accepted and every other one refused. Where the
// sandbox differs, these tables say why; a difference that is not in them, and
// an entry that is no difference, is an error.
var (
	// Valid vectors with an algorithm that Maskinporten does not take are refused
	// by their header. Its metadata lists RS256, RS384 and RS512 only.
	otherAlgorithms = []string{"HS256", "ES256", "ES512", "PS256", "PS384", "PS512"}

	// Valid vectors that are refused by their form.
	strangeForms = map[int]string{
		259: emptyPayload, 264: emptyPayload, 268: emptyPayload,
		272: emptyPayload, 320: emptyPayload, 325: emptyPayload, // and with another algorithm, PS256 to PS512
		372: "the header has a ?, which is not base64url (RFC 7515 §2); it is HS256 too",
		373: "the payload has a ?, which is not base64url (RFC 7515 §2); it is HS256 too",
	}

	// Invalid vectors whose signature is good, because it is their JWK that is
	// at fault. The sandbox does not tie the alg of a registered key to that of
	// a grant, but such a key cannot be registered. This is what that says.
	keyFaults = map[int]string{
		332: `"PS512" is not one of RS256`,
		334: `"PS512" is not one of RS256`,
		336: `"PS512" is not one of RS256`,
		353: `"enc" is not "sig"`,
		355: `unknown member "key_ops"`,
	}

	// Invalid vectors of the group about base64url that have no fault in it:
	// their text is that of the valid vector 357.
	faultless = []int{367, 370}
)

const emptyPayload = "the payload is empty, and a JWT has claims (RFC 7519 §7.2)"

func TestWycheproofJWS(t *testing.T) {
	run, took, refused, explained, otherwise := 0, 0, 0, 0, 0
	for _, group := range wycheproofGroups(t) {
		var jwk Key
		var key *rsa.PublicKey // nil where no vector may get as far as its signature
		if group.Public != nil && json.Unmarshal(group.Public, &jwk) == nil && jwk.KeyType == "RSA" {
			var err error
			if key, err = jwk.public(); err != nil {
				t.Errorf("group %q: %v", group.Comment, err)
				continue
			}
		}
		if err := registering(group.Public); jwk.Use == "sig" && slices.Contains(acceptedAlgorithms, jwk.Algorithm) && err != nil {
			t.Errorf("group %q: the key cannot be registered: %v", group.Comment, err)
		}
		for _, c := range group.Tests {
			outcome, algorithm := judgeJWS(c.JWS, key)
			fails := func(problem string) {
				t.Errorf("vector %d %s, %s, is %s: %s", c.TcID, c.Comment, c.Result, outcome, problem)
			}
			run++
			if outcome == accepted {
				took++
			} else {
				refused++
			}
			switch fault, known := keyFaults[c.TcID]; {
			case c.Result == "valid" && outcome == accepted:
			case c.Result == "valid" && outcome == atHeader && slices.Contains(otherAlgorithms, algorithm):
				otherwise++
			case c.Result == "valid" && outcome == atForm && strangeForms[c.TcID] != "":
				explained++
			case c.Result == "invalid" && outcome == accepted && known:
				explained++
				if err := registering(group.Public); err == nil || !strings.Contains(err.Error(), fault) {
					fails(fmt.Sprintf("registering its key must fail for %s, the error is %v", fault, err))
				}
			case c.Result == "invalid" && outcome != accepted:
			default:
				fails("this difference is not explained")
			}
			// What is refused must be so for what it is a vector of.
			if slices.Contains(c.Flags, "ModifiedPadding") && outcome != atSignature {
				fails("its padding was not looked at")
			}
			if group.Comment == "base64" && c.Result == "invalid" && outcome != atForm && !slices.Contains(faultless, c.TcID) {
				fails("its base64url was not looked at")
			}
			parts := strings.HasPrefix(c.Comment, "rejectsMissing") || strings.HasPrefix(c.Comment, "rejectsExtra")
			if parts && outcome != atForm {
				fails("its parts were not counted")
			}
			if _, err := parseJWS(c.JWS); err == nil {
				fails("its payload was taken for claims")
			}
		}
	}
	if explained != len(strangeForms)+len(keyFaults) {
		t.Errorf("%d differences are explained, the tables have %d", explained, len(strangeForms)+len(keyFaults))
	}
	t.Logf("%d vectors: %d accepted, %d refused; explained: %d valid ones of other algorithms, %d others", run, took, refused, otherwise, explained)
}
