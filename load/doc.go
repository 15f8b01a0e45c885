// Package load is the load test: it drives the HTTP API with many callers at
// once, judges every answer while it measures, and reports both.
//
// A run has these parts, one after the other: it makes pools of its own (or
// looks at those that it was given), lets callers assign, repeat and release
// for a while, settles what calls left in doubt by repeating them, and replays
// the pools' whole logs over the API.
//
// Callers keep what they did in buffers of their own. One goroutine takes these
// from them, and is the only one that measures and judges, so that callers
// share nothing while they call.
//
// The judge is a second opinion: it shares no code with the service that it
// judges.
package load
