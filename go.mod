module github.com/maskinporten-core/maskinporten

go 1.26

require (
	github.com/go-jose/go-jose/v4 v4.1.8
	software.sslmate.com/src/go-pkcs12 v0.7.4
)

require golang.org/x/crypto v0.11.0 // indirect
