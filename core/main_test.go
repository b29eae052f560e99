package core

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain looks for goroutines of this package that outlive the tests: a
// client that is closed must leave nothing running.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftRunning(); code == 0 && left != "" {
		fmt.Println("goroutines are left running:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// leftRunning returns the stacks of the package's own goroutines, after giving
// them a moment to end.
func leftRunning() string {
	var left []string
	for range 100 {
		left = nil
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, stack := range strings.Split(string(stacks), "\n\n") {
			if strings.Contains(stack, "core.(*Flow)") || strings.Contains(stack, "core.(*Source)") {
				left = append(left, stack)
			}
		}
		if left == nil {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return strings.Join(left, "\n\n")
}
