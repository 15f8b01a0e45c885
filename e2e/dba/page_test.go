package dba

import (
	"os"
	"strings"
	"testing"

	"fairlead/lock"
)

const page = "../../docs/dba.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fence returns the first block of code of a kind below a heading.
func fence(t *testing.T, heading, kind string) string {
	t.Helper()
	_, below, found := strings.Cut(readPage(t), "\n"+heading+"\n")
	below, _, _ = strings.Cut(below, "\n#")
	_, code, fenced := strings.Cut(below, "```"+kind+"\n")
	code, _, ended := strings.Cut(code, "```")
	if !found || !fenced || !ended {
		t.Fatalf("%s: no ```%s below %q", page, kind, heading)
	}
	return code
}

// statements are those of a block, without comments.
func statements(t *testing.T, code string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(code) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	var all []string
	for _, s := range strings.Split(strings.Join(lines, ""), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no statements in %q", code)
	}
	return all
}

// The page and the program print the same statements.
func TestPageHasTheStatements(t *testing.T) {
	t.Parallel()
	text := readPage(t)
	for _, d := range []lock.Dialect{lock.MySQL, lock.MariaDB, lock.TiDB} {
		out, code := binary.Run(t, "locks", "sql", "--engine="+string(d))
		if code != 0 || len(lock.Statements(d)) == 0 {
			t.Fatalf("%s: exit code %d, %d statements", d, code, len(lock.Statements(d)))
		}
		for _, s := range lock.Statements(d) {
			for where, has := range map[string]string{"the page": text, "locks sql": out} {
				if !strings.Contains(has, s.Text+";\n") || !strings.Contains(has, s.Title) {
					t.Errorf("%s: %s lacks %q, or has another text:\n%s", d, where, s.Title, s.Text)
				}
			}
		}
	}
}
