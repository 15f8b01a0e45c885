package main

import (
	"encoding/json"
	"io"

	"fairlead/api"
	"fairlead/assign"
)

// writeJSON writes a list as the API answers it, indented or in one line.
func writeJSON(w io.Writer, list assign.LockList, indented bool) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if indented {
		e.SetIndent("", "  ")
	}
	return e.Encode(api.LockListOf(list))
}
