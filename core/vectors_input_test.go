package core

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
)

// config reads the members of a registration that cases of this runner have.
func (v *vectorRun) config(text json.RawMessage) ClientConfig {
	v.Helper()
	var in struct {
		Environment json.RawMessage `json:"environment"`
		ClientID    string          `json:"client_id"`
		Key         struct {
			KID              string            `json:"kid"`
			Alg              string            `json:"alg"`
			SignatureSize    int               `json:"signature_size"`
			X5C              []string          `json:"x5c"`
			PEM              string            `json:"pem"`
			JWK              map[string]string `json:"jwk"`
			CertificateChain string            `json:"certificate_chain"`
		} `json:"key"`
		GrantLifeSeconds int64 `json:"grant_life_seconds"`
		CacheLimit       int   `json:"cache_limit"`
		ESeal            bool  `json:"eseal"`
	}
	v.read(text, &in)
	config := ClientConfig{ClientID: in.ClientID, GrantLife: time.Duration(in.GrantLifeSeconds) * time.Second, CacheLimit: in.CacheLimit,
		ESeal: in.ESeal, Clock: func() Instant { return v.now },
		Key: Key{KeyID: in.Key.KID, Algorithm: in.Key.Alg, SignatureSize: in.Key.SignatureSize}}
	var name string
	if json.Unmarshal(in.Environment, &name) == nil {
		env, err := EnvironmentByName(name)
		if err != nil {
			v.Fatal(err)
		}
		config.Environment = env
	} else {
		var env struct {
			Issuer               string `json:"issuer"`
			TokenEndpoint        string `json:"token_endpoint"`
			MetadataURL          string `json:"metadata_url"`
			CustomsTokenEndpoint string `json:"customs_token_endpoint"`
			AllowLoopbackHTTP    bool   `json:"allow_loopback_http"`
		}
		v.read(in.Environment, &env)
		config.Environment = Environment{Issuer: env.Issuer, TokenEndpoint: env.TokenEndpoint, MetadataURL: env.MetadataURL,
			CustomsTokenEndpoint: env.CustomsTokenEndpoint, AllowLoopbackHTTP: env.AllowLoopbackHTTP}
	}
	for _, certificate := range in.Key.X5C {
		der, err := base64.StdEncoding.DecodeString(certificate)
		if err != nil {
			v.Fatal(err)
		}
		config.Key.CertificateChain = append(config.Key.CertificateChain, der)
	}
	for block, rest := pem.Decode([]byte(in.Key.CertificateChain)); block != nil; block, rest = pem.Decode(rest) {
		config.Key.CertificateChain = append(config.Key.CertificateChain, block.Bytes)
	}
	if block, _ := pem.Decode([]byte(in.Key.PEM)); block != nil {
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			v.Fatal(err)
		}
		config.Key.Signer = vectorSigner{private.(*rsa.PrivateKey), config.Key.algorithm()}
	}
	if jwk := in.Key.JWK; jwk != nil {
		number := func(name string) *big.Int { return new(big.Int).SetBytes([]byte(vectorText(v.T, jwk[name]))) }
		private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}, D: number("d"), Primes: []*big.Int{number("p"), number("q")}}
		config.Key.KeyID, config.Key.Algorithm = jwk["kid"], jwk["alg"]
		config.Key.Signer = vectorSigner{private, jwk["alg"]}
	}
	return config
}

func (v *vectorRun) read(text json.RawMessage, into any) {
	v.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		v.Fatal(err)
	}
}

// vectorSigner signs with the standard library.
type vectorSigner struct {
	key *rsa.PrivateKey
	alg string
}

func (s vectorSigner) Sign(_ context.Context, input []byte) ([]byte, error) {
	hash := map[string]crypto.Hash{RS256: crypto.SHA256, RS384: crypto.SHA384, RS512: crypto.SHA512}[s.alg]
	digest := hash.New()
	digest.Write(input)
	return rsa.SignPKCS1v15(nil, s.key, hash, digest.Sum(nil))
}

// oneOrMore is a list that may be written as its only item.
type oneOrMore []string

func (l *oneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// request reads the members of a request that cases of this runner have.
func (v *vectorRun) request(text json.RawMessage) (TokenRequest, []Exchange) {
	v.Helper()
	var in struct {
		Scopes      oneOrMore `json:"scopes"`
		Resource    oneOrMore `json:"resource"`
		ConsumerOrg string    `json:"consumer_org"`
		PID         string    `json:"pid"`
		SystemUser  *struct {
			Org         string `json:"org"`
			ExternalRef string `json:"external_ref"`
		} `json:"system_user"`
		OnBehalfOf string `json:"iss_onbehalfof"`
		Consent    *struct {
			ID   string `json:"id"`
			From string `json:"from"`
		} `json:"consent"`
		ExtraClaims map[string]json.RawMessage `json:"extra_claims"`
		Exchanges   []vectorExchange           `json:"exchanges"`
	}
	v.read(text, &in)
	request := TokenRequest{Scopes: in.Scopes, Resource: in.Resource, ConsumerOrg: in.ConsumerOrg, PID: in.PID, OnBehalfOf: in.OnBehalfOf}
	if in.SystemUser != nil {
		request.SystemUser = &SystemUser{Org: in.SystemUser.Org, ExternalRef: in.SystemUser.ExternalRef}
	}
	if in.Consent != nil {
		request.Consent = &Consent{ID: in.Consent.ID, From: in.Consent.From}
	}
	if in.ExtraClaims != nil {
		request.ExtraClaims = map[string]string{}
	}
	for name, value := range in.ExtraClaims {
		request.ExtraClaims[name] = string(value)
	}
	var exchanges []Exchange
	for _, x := range in.Exchanges {
		exchanges = append(exchanges, v.exchange(x))
	}
	return request, exchanges
}

// vectorExchange is an exchange of any type, as the wire has it.
type vectorExchange struct {
	Type               string   `json:"type"`
	TokenEndpoint      string   `json:"token_endpoint"`
	Environment        string   `json:"environment"`
	Endpoint           string   `json:"endpoint"`
	Test               bool     `json:"test"`
	SubjectTokenType   string   `json:"subject_token_type"`
	RequestedTokenType string   `json:"requested_token_type"`
	Audience           []string `json:"audience"`
	Resource           []string `json:"resource"`
	Scopes             []string `json:"scopes"`
}

func (v *vectorRun) exchange(in vectorExchange) Exchange {
	v.Helper()
	switch in.Type {
	case "customs":
		x := CustomsExchange(v.client.Environment())
		if in.TokenEndpoint != "" {
			x.TokenEndpoint = in.TokenEndpoint
		}
		return x
	case "altinn":
		x := Exchange{Kind: ExchangeAltinn, TokenEndpoint: in.Endpoint, TestOrganization: in.Test}
		if in.Environment != "" {
			named, err := AltinnExchange(in.Environment)
			if err != nil {
				v.Fatal(err)
			}
			x.Name, x.TokenEndpoint = named.Name, named.TokenEndpoint
		}
		return x
	case "token_exchange":
		x := TokenExchange(in.TokenEndpoint)
		x.SubjectTokenType, x.RequestedTokenType = in.SubjectTokenType, in.RequestedTokenType
		x.Audience, x.Resource, x.Scopes = in.Audience, in.Resource, in.Scopes
		return x
	}
	v.Fatalf("no exchange has the type %q", in.Type)
	return Exchange{}
}
