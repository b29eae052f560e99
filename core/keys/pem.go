package keys

import (
	"bytes"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

var (
	pemBegin = []byte("-----BEGIN ")
	pemEnd   = []byte("-----END ")
	dashes   = []byte("-----")
)

// block is one PEM block (RFC 7468), or RFC 1421 if it has headers.
type block struct {
	number  int // in the input, from 1
	label   string
	headers map[string]string
	der     []byte
}

func (b block) String() string {
	if known := strings.Trim(b.label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ") == ""; !known || len(b.label) > 40 {
		return fmt.Sprintf("PEM block %d", b.number)
	}
	return fmt.Sprintf("PEM block %d (%s)", b.number, b.label)
}

func (b block) encrypted() bool { return strings.Contains(b.headers["Proc-Type"], "ENCRYPTED") }

func (b block) holdsKey() bool {
	switch kindOf(b.der) {
	case pkcs1Key, pkcs8Key, encryptedKey, ecKey, dsaKey:
		return true
	case unknownKind: // encrypted the old way, of a foreign format, or damaged
		return strings.HasSuffix(b.label, "PRIVATE KEY")
	}
	return false
}

func (b block) holdsCertificate() bool {
	return kindOf(b.der) == certificate && !strings.Contains(b.label, "REQUEST") && !strings.Contains(b.label, "CRL")
}

// ParsePEM reads the one private key in a PEM text, PKCS#1 or PKCS#8, plain or
// encrypted, with the certificates that stand beside it in any order. Text
// around the blocks is ignored.
func ParsePEM(data []byte, o Options) (*Private, error) {
	if err := checkSize(data); err != nil {
		return nil, err
	}
	text := tidy(data)
	defer clear(text)
	return parsePEM(text, o)
}

func parsePEM(text []byte, o Options) (*Private, error) {
	blocks, err := scanPEM(text)
	defer func() {
		for _, b := range blocks {
			clear(b.der)
		}
	}()
	if err != nil {
		return nil, err
	}
	if len(blocks) == 1 && kindOf(blocks[0].der) == pkcs12File {
		return parsePKCS12(blocks[0].der, o)
	}
	var keys []block
	var certificates [][]byte
	public := false
	for _, b := range blocks {
		switch {
		case b.holdsKey():
			keys = append(keys, b)
		case b.holdsCertificate():
			certificates = append(certificates, bytes.Clone(b.der))
		case kindOf(b.der) == publicKey:
			public = true
		}
	}
	switch {
	case len(blocks) == 0:
		return nil, refuse("the text holds no PEM block", "Give the text from -----BEGIN to the end of the -----END line, with both lines.")
	case len(keys) > 1:
		return nil, refuse(fmt.Sprintf("the PEM holds %d private keys, in blocks %s", len(keys), numbersOf(keys)), "Give the one key that the client uses, and no other.")
	case len(keys) == 0 && len(certificates) > 0:
		return nil, refuse("the PEM holds a certificate and no private key", "Add the private key of the certificate; it was made with the certificate's request.")
	case len(keys) == 0 && public:
		return nil, refuse("the PEM holds a public key and no private key", givePrivate)
	case len(keys) == 0:
		return nil, refuse("the PEM holds no private key", "Give a block that begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----.")
	}
	key, err := keys[0].key(o.Password)
	if err != nil {
		return nil, err
	}
	return finish(key, found{where: "the PEM key", certificates: certificates}, o)
}

func numbersOf(blocks []block) string {
	var list []string
	for _, b := range blocks {
		list = append(list, fmt.Sprint(b.number))
	}
	return strings.Join(list, ", ")
}

func (b block) key(password string) (*rsa.PrivateKey, error) {
	if strings.HasPrefix(b.label, "OPENSSH") {
		return nil, refuse(b.String()+" is an SSH key in OpenSSH's own format", "Make a key for Maskinporten of its own: maskinporten keygen.")
	}
	if !b.encrypted() {
		return readKey(b.der, b.String(), password)
	}
	der, err := b.decrypt(password)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	if kindOf(der) == unknownKind { // one wrong password in 256 leaves good padding
		return nil, wrongPassword(b.String())
	}
	return readKey(der, b.String(), "")
}

// decrypt opens the encryption of old PEM files (RFC 1421 headers, as OpenSSL
// fills them), which x509 rightly calls insecure by design. A key that its
// owner stored this way is still the owner's key.
func (b block) decrypt(password string) ([]byte, error) {
	const reencrypt = "Encrypt the key in today's format: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem."
	if password == "" {
		return nil, noPassword(b.String())
	}
	if fips140.Enforced() {
		return nil, forbiddenByFIPS(b.String()) // its key is made with MD5
	}
	der, err := x509.DecryptPEMBlock(&pem.Block{Type: b.label, Headers: b.headers, Bytes: b.der}, []byte(password))
	switch {
	case err == x509.IncorrectPasswordError:
		return nil, wrongPassword(b.String())
	case err != nil:
		return nil, refuse(b.String()+" is encrypted in a way that is not supported, or damaged", reencrypt)
	}
	return der, nil
}

func noPassword(where string) error {
	return refuse(where+" is encrypted and no password was given", "Set the password, or give a key that is not encrypted.")
}

func wrongPassword(where string) error {
	return refuse("the password does not open "+where, "Check the password: its case, and white space at its ends; if it is right, the file is damaged.")
}

// scanPEM finds all blocks in text. Unlike encoding/pem it passes over nothing
// that begins like a block, and it forgives lines joined by spaces and "\n"
// typed as two characters, both common in environment variables.
func scanPEM(text []byte) ([]block, error) {
	const copyAgain = "Copy the block again, from -----BEGIN to the end of its -----END line."
	var blocks []block
	for number := 1; ; number++ {
		_, after, ok := bytes.Cut(text, pemBegin)
		if !ok {
			return blocks, nil
		}
		b := block{number: number}
		label, after, ok := bytes.Cut(after, dashes)
		if !ok || len(label) > 64 || bytes.ContainsAny(label, "\r\n\\") {
			return blocks, refuse(fmt.Sprintf("%s has no complete -----BEGIN line", b), copyAgain)
		}
		b.label = string(label)
		body, after, ok := bytes.Cut(after, pemEnd)
		if !ok || bytes.Contains(body, pemBegin) {
			return blocks, refuse(b.String()+" has no -----END line: it is cut off", copyAgain)
		}
		if !bytes.HasPrefix(after, append(label[:len(label):len(label)], dashes...)) {
			return blocks, refuse(b.String()+" ends with a line of another kind than it begins with", copyAgain)
		}
		if err := b.decode(body); err != nil {
			return blocks, err
		}
		blocks = append(blocks, b)
		text = after
	}
}

// decode reads the headers and the base64 between the lines of a block.
func (b *block) decode(body []byte) error {
	if bytes.IndexByte(body, ':') >= 0 {
		body = b.readHeaders(body)
	}
	packed := withoutSpace(body)
	defer clear(packed)
	if len(packed) == 0 {
		return refuse(b.String()+" is empty", "Give the whole block; its lines between BEGIN and END are missing.")
	}
	b.der = make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Strict().Decode(b.der, packed)
	if err != nil {
		clear(b.der)
		return refuse(b.String()+" is damaged: its base64 has a wrong, missing or added character", "Copy the key again, whole and unchanged.")
	}
	b.der = b.der[:n]
	return nil
}

// readHeaders takes the RFC 1421 headers off the front of body.
func (b *block) readHeaders(body []byte) []byte {
	b.headers = map[string]string{}
	body = bytes.ReplaceAll(body, []byte(`\r`), nil)
	body = bytes.ReplaceAll(body, []byte(`\n`), []byte("\n"))
	for {
		line, after, _ := bytes.Cut(body, []byte("\n"))
		name, value, ok := strings.Cut(string(line), ":")
		if !ok && len(bytes.TrimSpace(line)) > 0 || len(body) == 0 {
			return body
		}
		if ok {
			b.headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		body = after
	}
}
