// Package client calls Fairlead's HTTP API. It is generated from the API's
// specification, which also documents every type and call.
//
// An answer that is not a success is a problem document; [ProblemIn] reads it
// whatever the call.
package client

import (
	"encoding/json"
	"mime"
	"net/http"
)

// Error makes a problem document an error.
func (p *Problem) Error() string {
	return string(p.Code) + ": " + p.Detail
}

// ProblemIn is the problem document that an answer with this body holds, nil if
// it holds none.
func ProblemIn(r *http.Response, body []byte) *Problem {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return nil
	}
	var p Problem
	if json.Unmarshal(body, &p) != nil {
		return nil
	}
	return &p
}
