// Command generate writes the shared test vectors.
//
//	go run ./core/internal/vectors/generate core/testdata/vectors
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := vectors.Generate()
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
