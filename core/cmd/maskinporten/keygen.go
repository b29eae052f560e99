package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

var keygenCommand = command{
	name:    "keygen",
	usage:   "[options]",
	summary: "make a key to register at Maskinporten",
	about: `Makes an RSA key. The private key goes to a file that only you can read; the public key is
printed on stdout as a JWK, which is what Maskinporten's self-service wants registered on the
client. A registered key lives for a year at most.

  maskinporten keygen > public.jwk`,
	prepare: prepareKeygen,
}

func prepareKeygen(o *options) action {
	var key keys.GenerateOptions
	var out, format string
	var force bool
	o.number(&key.Bits, "bits", "N", "size of the key: 2048 (default), 3072 or 4096")
	o.choice(&key.Algorithm, "alg", "signature algorithm; RS256 if left out", core.RS256, core.RS384, core.RS512)
	o.text(&key.KeyID, "kid", "ID", "id of the key; a random UUID if left out")
	o.text(&out, "out", "FILE|-",
		"where the private key goes: key.pem (or key.jwk) if left out; - prints it on stdout, and the public key on stderr")
	o.choice(&format, "format", "form of the private key; a JWK holds its kid and algorithm; pem if left out", "pem", "jwk")
	o.flag(&force, "force", "replace the file if it exists")
	return func(_ context.Context, c *console) error {
		private, err := keys.Generate(key)
		if err != nil {
			return err
		}
		defer private.Destroy()
		format := cmp.Or(format, "pem")
		secret := private.PEM()
		if format == "jwk" {
			secret = append(private.JWK(), '\n')
		}
		defer clear(secret)

		public := c.out
		if out == "-" {
			public = c.err
			if _, err := c.out.Write(secret); err != nil {
				return err
			}
		} else {
			path := cmp.Or(out, "key."+format)
			if err := writeKey(path, secret, force); err != nil {
				return err
			}
			fmt.Fprintf(c.err, "The private key is in %s, readable by you only. Keep it secret.\n", path)
		}
		if _, err := fmt.Fprintf(public, "%s\n", private.PublicJWK()); err != nil {
			return err
		}
		fmt.Fprintf(c.err, "Register the public JWK on your client in Maskinporten's self-service. Its kid is %s", private.Key().KeyID)
		if format == "pem" {
			fmt.Fprint(c.err, ",\nwhich the PEM file does not hold: give it with --kid when you use the key")
		}
		fmt.Fprintln(c.err, ".")
		return nil
	}
}

// writeKey writes a file that only its owner can read. An existing one is
// replaced only by force, and then at once.
func writeKey(path string, secret []byte, force bool) error {
	var file *os.File
	var err error
	if force {
		file, err = os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	} else {
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return failed(core.CodeInvalidArgument, path+" exists already, and the key in it may be in use",
			"Give another name with --out, or --force to replace it.", nil)
	case err != nil:
		return unwritable(path, err)
	}
	_, err = file.Write(secret)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil && force {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return unwritable(path, err)
	}
	return nil
}

func unwritable(path string, err error) error {
	return failed(core.CodeInvalidArgument, path+" cannot be written", "Give a file in a folder that you may write to with --out.", err)
}
