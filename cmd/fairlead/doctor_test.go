package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/store"
)

var diagnoses = []store.Diagnosis{
	{Check: "engine", Level: store.LevelOK, Says: "MariaDB 10.11.19-MariaDB"},
	{Check: "writer", Level: store.LevelFailure, Says: "the server is read-only (read_only)", Do: "use the one that takes writes"},
	{Check: "durability", Level: store.LevelWarning, Says: "sync_binlog=0: commits\ncan be missed", Do: "SET GLOBAL sync_binlog = 1"},
}

func TestDoctorTable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		found []store.Diagnosis
		want  string
	}{
		"failures": {diagnoses, `
engine      ok       MariaDB 10.11.19-MariaDB
writer      failure  the server is read-only (read_only)
                     do: use the one that takes writes
durability  warning  sync_binlog=0: commits can be missed
                     do: SET GLOBAL sync_binlog = 1

1 failure, 1 warning: serve refuses this database.
`},
		"warnings": {diagnoses[2:], `
durability  warning  sync_binlog=0: commits can be missed
                     do: SET GLOBAL sync_binlog = 1

1 warning: serve works with this database.
`},
		"well": {diagnoses[:1], `
engine  ok  MariaDB 10.11.19-MariaDB

All is well.
`},
		"nothing": {nil, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			writeDiagnoses(&got, tt.found)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	for _, found := range [][]store.Diagnosis{diagnoses, nil} {
		var text strings.Builder
		writeDiagnosesJSON(&text, found)
		var got []map[string]string
		if err := json.Unmarshal([]byte(text.String()), &got); err != nil || got == nil {
			t.Fatalf("%v: %s", err, text.String())
		}
		var want = make([]map[string]string, 0)
		for _, d := range found {
			want = append(want, map[string]string{"check": d.Check, "level": string(d.Level), "says": d.Says, "do": d.Do})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
