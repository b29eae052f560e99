package wasmtests

import (
	"testing"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

const (
	vectorFolder = "../../core/testdata/vectors"
	pages        = 64 << 20 >> 16 // 64 MiB are plenty
)

// TestVectors runs every shared case of which the host signs and sends, on
// both flavours. The pauses are real, so run it with -parallel 32: each case
// takes an instance that no other has at that time.
func TestVectors(t *testing.T) {
	files, err := vectors.Load(vectorFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, flavour := range []string{"wasip1", "wasip1-host-signs"} {
		e := newEngine(t, flavour, pages)
		t.Run(flavour, func(t *testing.T) {
			parent := t
			ran, idle := 0, make(chan *instance, 64)
			for _, file := range files {
				for _, c := range file.Cases {
					if !c.RunsHere(vectors.OnABI) {
						continue
					}
					ran++
					t.Run(file.Subject+"/"+c.Name, func(t *testing.T) {
						t.Parallel()
						var i *instance
						select {
						case i = <-idle:
						default:
							i = e.start(parent)
						}
						vectors.Run(t, i, nil, file.Operation, c)
						idle <- i
					})
				}
			}
			if ran < 300 {
				t.Errorf("only %d cases", ran)
			}
			t.Logf("%d cases", ran)
		})
	}
}
