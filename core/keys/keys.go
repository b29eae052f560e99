// Package keys turns what users hold - a PEM file, a private JWK, a PKCS#12
// file - into a [core.Key] that signs grants, and makes new keys.
//
//	key, err := keys.Parse(data, keys.Options{KeyID: "…"})
//	client, err := core.NewClient(core.ClientConfig{Key: key.Key(), …})
//
// # kid or certificate
//
// Maskinporten wants the kid of a key that is registered on the client, and
// the certificate chain (x5c) when nothing is registered there; never both. The
// first of these that exists decides:
//
//  1. Options.KeyID: the kid is sent and every certificate is ignored.
//  2. Options.CertificateChain: the chain is sent.
//  3. The kid member of a JWK.
//  4. The certificates beside the key: in the PEM, the PKCS#12 or the x5c of
//     the JWK.
//
// Without any of them there is nothing that Maskinporten would accept, and
// parsing fails.
//
// # What is accepted
//
// RSA of 2048 to 8192 bits with two primes and an odd public exponent from
// 65537 up; every number in it must fit the others. The content decides what
// an input is, not its label. Damage that configuration systems do to text is
// undone: a byte order mark, quotes around it, "\n" typed as two characters,
// CRLF, lines joined by spaces, a base64 wrapping.
//
// Certificates are not checked against the clock nor against trusted roots:
// that is Maskinporten's decision, and [Private.Certificates] has what a
// program needs to warn in time.
//
// # Errors
//
// Every error is a [*core.Error] with code [core.CodeInvalidKey]; it says what
// was found and where, and in Remedy what to do. No error holds any part of a
// key or a password, nor the text of another parser.
package keys

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// maxInput is the size in bytes over which nothing is parsed. The largest
// honest input, an 8192-bit key with a long chain, has about 30 KiB.
const maxInput = 1 << 20

// Options say what the data itself does not. The zero value fits a JWK with a
// kid and an unencrypted PKCS#12.
type Options struct {
	// Password opens an encrypted PEM or PKCS#12. It is ignored for a key
	// that is not encrypted.
	Password string
	// KeyID is the kid under which the key is registered at Maskinporten. It
	// overrides a JWK's own. 1 to 255 letters, digits, '.', '_' and '-'.
	KeyID string
	// Algorithm is RS256, RS384 or RS512. Empty means the alg of the JWK, or
	// RS256. It must agree with the alg of a JWK.
	Algorithm string
	// CertificateChain is the chain of a virksomhetssertifikat that belongs to
	// the key, in PEM or as concatenated DER, in any order. It replaces the
	// certificates found beside the key.
	CertificateChain []byte
}

// String shows no password.
func (o Options) String() string {
	return fmt.Sprintf("keys.Options{KeyID %s, Algorithm %s, %s}", shown(o.KeyID), shown(o.Algorithm), redacted)
}

// Format makes every verb of package fmt print String.
func (o Options) Format(f fmt.State, _ rune) { io.WriteString(f, o.String()) }

// MarshalText is String, for log/slog and for JSON made for logs.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Parse reads a private key from PEM, a JWK or a JWK set, PKCS#12, or a DER
// key (PKCS#1 or PKCS#8); each also wrapped in base64. The data is not kept.
func Parse(data []byte, o Options) (*Private, error) {
	if err := checkSize(data); err != nil {
		return nil, err
	}
	if kindOf(data) != unknownKind {
		return parseDER(data, o)
	}
	text := tidy(data)
	defer clear(text)
	if inner := unwrapBase64(text); inner != nil {
		defer clear(inner)
		if kindOf(inner) != unknownKind {
			return parseDER(inner, o)
		}
		if unwrapped := tidy(inner); isPEM(unwrapped) || isObject(unwrapped) {
			defer clear(unwrapped)
			text = unwrapped
		}
	}
	switch {
	case isObject(text):
		return parseJWK(text, o)
	case isPEM(text):
		return parsePEM(text, o)
	}
	return nil, unrecognised(data, text)
}

func isPEM(text []byte) bool    { return bytes.Contains(text, pemBegin) }
func isObject(text []byte) bool { return bytes.HasPrefix(text, []byte("{")) }

// parseDER reads a key that is neither PEM nor JSON.
func parseDER(der []byte, o Options) (*Private, error) {
	if kindOf(der) == pkcs12File {
		return parsePKCS12(der, o)
	}
	key, err := readKey(der, "the DER data", o.Password)
	if err != nil {
		return nil, err
	}
	return finish(key, found{where: "the DER key"}, o)
}

// unrecognised says what the input may be, judged by its first bytes.
func unrecognised(data, text []byte) error {
	begins := func(prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }
	switch {
	case len(text) == 0:
		return refuse("the key is empty", "Give the content of a PEM, JWK or PKCS#12 file; check that the variable or file it comes from is set.")
	case begins("\xff\xfe"), begins("\xfe\xff"):
		return refuse("the key is UTF-16 text", "Save the file as UTF-8 or ASCII.")
	case begins("\xfe\xed\xfe\xed"), begins("\xce\xce\xce\xce"):
		return refuse("the key is in a Java keystore of type JKS or JCEKS", "Convert it: keytool -importkeystore -deststoretype pkcs12.")
	case begins("PuTTY-User-Key-File"):
		return refuse("the key is an SSH key in PuTTY's format", "Make a key for Maskinporten of its own: maskinporten keygen.")
	case begins("\x30\x80"):
		return refuse("the data is in BER with indefinite lengths; only DER is read",
			"Write the file anew with OpenSSL: openssl pkcs12 -in old.p12 -nodes | openssl pkcs12 -export -out new.p12.")
	case len(data) > 1 && data[0] == 0x30 && data[1] > 0x80:
		return refuse("the data begins like DER and is damaged or cut off", "Copy the file again, in binary mode; or give it in base64.")
	case text[0] == '[':
		return refuse("the data is a JSON array, not a JWK", "Give the JWK itself, an object with kty, n, e and d; or a JWK set, an object with keys.")
	case len(text) < 512 && !bytes.ContainsAny(text, "\n{") && bytes.ContainsAny(text, `/\.`):
		return refuse("the data looks like the name of a file, not like a key", "Read the file and give its content.")
	}
	return refuse("the data is neither PEM nor a JWK nor PKCS#12", "Give the content of a PEM, JWK or PKCS#12 file.")
}

// found is what came with a key.
type found struct {
	where        string
	algorithm    string
	keyID        string
	certificates [][]byte // DER, in the order of the source
}

// finish decides between kid and chain and makes the Private.
func finish(key *rsa.PrivateKey, f found, o Options) (*Private, error) {
	algorithm, err := chooseAlgorithm(f, o)
	if err != nil {
		return nil, err
	}
	given, err := readChain(o.CertificateChain)
	if err != nil && o.KeyID == "" {
		return nil, err
	}
	if len(given) > 0 {
		f.certificates = given
	}
	keyID := o.KeyID
	if keyID == "" && len(given) == 0 {
		keyID = f.keyID
	}
	if keyID != "" {
		if err := checkKeyID(keyID); err != nil {
			return nil, err
		}
		// The chain is not sent, so a defect in it is no reason to refuse.
		chain, err := chainOf(key, f.certificates)
		if err != nil {
			chain = nil
		}
		return newPrivate(key, algorithm, keyID, chain), nil
	}
	if len(f.certificates) == 0 {
		return nil, refuse(f.where+" has neither a kid nor a certificate",
			"Set kid to the one that the key has in Maskinporten's self-service; or, if nothing is registered there, give the certificate chain of the virksomhetssertifikat.")
	}
	chain, err := chainOf(key, f.certificates)
	if err != nil {
		return nil, err
	}
	return newPrivate(key, algorithm, "", chain), nil
}

func chooseAlgorithm(f found, o Options) (string, error) {
	algorithm := o.Algorithm
	switch {
	case algorithm == "" && f.algorithm == "":
		return core.RS256, nil
	case algorithm == "":
		algorithm = f.algorithm
	case f.algorithm != "" && f.algorithm != algorithm:
		return "", refuse(fmt.Sprintf("alg of %s is %s, but %s was asked for", f.where, shown(f.algorithm), shown(algorithm)),
			"Leave alg out to use the one the key is registered with.")
	}
	if _, ok := hashes[algorithm]; !ok {
		return "", refuse(fmt.Sprintf("the algorithm %s is not accepted by Maskinporten", shown(algorithm)),
			"Use RS256, RS384 or RS512; no PSS, EC, EdDSA or HMAC.")
	}
	return algorithm, nil
}

// checkKeyID applies the rule of Maskinporten's client registration.
func checkKeyID(id string) error {
	if len(id) > 255 {
		return refuse(fmt.Sprintf("the kid has %d characters", len(id)), "Use the kid of the key in self-service; it has at most 255 characters.")
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return refuse("the kid "+shown(id)+" has a character that Maskinporten does not allow", "A kid has letters, digits, '.', '_' and '-' only.")
		}
	}
	return nil
}

func checkSize(data []byte) error {
	if len(data) > maxInput {
		return refuse(fmt.Sprintf("the input has %d bytes; at most %d are read", len(data), maxInput), "Give one key with its certificates and nothing else.")
	}
	return nil
}

// tidy copies text without what surrounds it by accident: white space, a byte
// order mark and a pair of quotes. The copy is the caller's to clear.
func tidy(data []byte) []byte {
	text := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf")))
	if n := len(text); n >= 2 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'' || text[0] == '`') {
		text = bytes.TrimSpace(text[1 : n-1])
	}
	return bytes.Clone(text)
}

// unwrapBase64 returns what text is the base64 of, or nil if it is not.
func unwrapBase64(text []byte) []byte {
	packed := withoutSpace(text)
	defer clear(packed)
	if len(packed) == 0 {
		return nil
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		inner := make([]byte, encoding.DecodedLen(len(packed)))
		if n, err := encoding.Strict().Decode(inner, packed); err == nil {
			return inner[:n]
		}
		clear(inner)
	}
	return nil
}

// withoutSpace copies text without white space, and without "\n", "\r" and
// "\t" typed as two characters. The copy is the caller's to clear.
func withoutSpace(text []byte) []byte {
	packed := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ', c == '\t', c == '\r', c == '\n', c == '\v', c == '\f':
		case c == '\\' && i+1 < len(text) && strings.IndexByte("nrt", text[i+1]) >= 0:
			i++
		default:
			packed = append(packed, c)
		}
	}
	return packed
}

// refuse makes the one kind of error of this package.
func refuse(message, remedy string) error {
	err := core.NewError(core.CodeInvalidKey, message, nil)
	err.Remedy = remedy
	return err
}

// shown quotes a value that is not secret, such as a kid or a name in a
// certificate, cut to a readable length.
func shown(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return fmt.Sprintf("%+q", text)
}
