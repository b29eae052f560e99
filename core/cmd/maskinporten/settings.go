package main

import (
	"encoding/json"
	"errors"

	"github.com/maskinporten-core/maskinporten/core"
)

// settings is what this program takes from a settings.json, as the sandbox
// writes it. The file has more, for tests in other languages.
type settings struct {
	Issuer               string `json:"issuer"`
	TokenEndpoint        string `json:"token_endpoint"`
	MetadataURL          string `json:"metadata_url"`
	CustomsTokenEndpoint string `json:"customs_token_endpoint"`
	CustomsTestAuth      string `json:"customs_test_auth"`
	AltinnExchange       string `json:"altinn_exchange"`
	// Control is where a sandbox shows its journal. A real Maskinporten has none.
	Control  string `json:"control"`
	ClientID string `json:"client_id"`
	KeyID    string `json:"kid"`
	// KeyPEM and KeyJWK are files with the same key; one is enough.
	KeyPEM string `json:"key_pem"`
	KeyJWK string `json:"key_jwk"`
	Scopes struct {
		Customs string `json:"customs"`
	} `json:"scopes"`
	// ESeal is a European business, which has a key of its own.
	ESeal struct {
		PEM      string `json:"pem"`
		ClientID string `json:"client_id"`
	} `json:"eseal"`
}

func readSettings(path string) (settings, error) {
	var s settings
	data, err := readFile(path, "--settings")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		const remedy = `Give a settings.json that "maskinporten sandbox --out DIR" wrote, or one of that form.`
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return s, failed(core.CodeInvalidConfig, path+": "+kind.Field+" is a JSON "+kind.Value, remedy, nil)
		}
		return s, failed(core.CodeInvalidConfig, path+" is not a JSON object", remedy, nil)
	}
	return s, nil
}

// asESeal are the settings of the European business in s.
func (s settings) asESeal() settings {
	s.ClientID, s.KeyID, s.KeyPEM, s.KeyJWK = s.ESeal.ClientID, "", s.ESeal.PEM, ""
	return s
}

func (s settings) environment() core.Environment {
	return core.Environment{
		Issuer:               s.Issuer,
		TokenEndpoint:        s.TokenEndpoint,
		MetadataURL:          s.MetadataURL,
		CustomsTokenEndpoint: s.CustomsTokenEndpoint,
		CustomsTestAuth:      s.CustomsTestAuth,
		AllowLoopbackHTTP:    true, // the sandbox is on this machine; anything else still needs TLS
	}
}
