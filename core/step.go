package core

import "time"

// StepKind says what the host has to do next.
type StepKind string

const (
	// StepSign: sign SigningInput after Algorithm, with the key registered as
	// KeyID if the client has several, and call Signed, or Failed.
	StepSign StepKind = "sign"
	// StepSend: send Request and call Received, or Failed.
	StepSend StepKind = "send"
	// StepWait: let Wait pass and call Next again. Nothing is fed.
	StepWait StepKind = "wait"
	// StepLoad: get what the shared store has under StoreKey and call Loaded,
	// or Failed. Only clients with a StoreKey have this step and StepSave. With
	// no Store in the client either, Perform passes both by.
	StepLoad StepKind = "load"
	// StepSave: put Entry under StoreKey for at most Life and call Saved, or
	// Failed. Those who wait for the token have it already.
	StepSave StepKind = "save"
	// StepDone: Token is the result.
	StepDone StepKind = "done"
	// StepFailed: Err is the result.
	StepFailed StepKind = "failed"
)

// Step is what a Flow wants done. Only the fields of its Kind are set.
type Step struct {
	Kind         StepKind
	Algorithm    string
	SigningInput []byte
	KeyID        string
	Request      Request
	Wait         time.Duration
	StoreKey     string
	Entry        []byte
	Life         time.Duration
	Token        Token
	Err          *Error

	wake   <-chan struct{} // closed when waiting longer is pointless
	signer Signer
}

// joinPoll is how often a host without goroutines looks whether the flow that
// it waits for has ended.
const joinPoll = 25 * time.Millisecond
