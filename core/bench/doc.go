// Package bench measures the core beside what it is built on and beside other
// caches of tokens: golang.org/x/oauth2, cloud.google.com/go/auth, the AWS
// SDK's CredentialsCache and MSAL Go. It is a module of its own, so that none
// of them reaches the go.mod of the product, and it holds tests and scripts only.
//
//	go test ./...                          counts and virtual time, quick
//	go test -bench .                       times, for benchstat
//	go test -run TestReport -report DIR    the table: ratios and goals
//
// Every speed is a ratio of two things that were timed in turns in one run.
// Tests assert counts; no test asserts a time. Nothing leaves the machine.
package bench
