//go:build !linux

package nethttp_test

import "testing"

func blackHole(t *testing.T) string {
	t.Skip("a socket that drops SYN packets is made on Linux only")
	return ""
}
