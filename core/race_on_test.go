//go:build race

package core

// raceDetector says that everything takes ten times as long.
const raceDetector = true
