// Package mutant builds the program with one fault put into it on purpose, to
// see whether the fault tests notice: a test that was never seen failing is
// not to be trusted.
//
// A [Mutant] is a list of replacements in the text of source files. They are
// applied to copies, which go build takes instead of the originals; nothing of
// them is in the program that people run. A replacement must fit in exactly
// one place. One that does not is an error, so that a change of the program
// cannot turn a mutant into the program itself without being noticed.
//
// Many mutants also take away what would contain the fault: the fence, the
// comparison of the pool's seq, unique keys. A mutant that drops keys keeps its
// own verify from complaining about that, so that it has to be judged by what
// it did. Judge it with its own program, therefore, and not with a sound one.
package mutant

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"fairlead/e2e/program"
)

// A Mutant is the program with a fault.
type Mutant struct {
	Name string

	// Says is what the fault is, what was taken away to let it do harm, and
	// where that shows, if it is not plain.
	Says string

	// Promises are the numbers of the promises that it breaks. The check of at
	// least one of them must fail.
	Promises []int

	// Lock is the mode in which it must be caught, "named" or "off"; empty
	// means in both.
	Lock string

	Edits []Edit
}

// An Edit replaces a text that occurs once in a file.
type Edit struct {
	File     string // from the module's root, with slashes
	Old, New string
}

// Build builds the mutant into the folder dir, which must be its own. An edit
// that does not fit is an error that names the mutant and the file.
func (m Mutant) Build(dir string) (*program.Program, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return nil, err
	}
	p, err := program.Build(dir, "-overlay="+overlay)
	if err != nil {
		return nil, fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	return p, nil
}

// overlay writes the edited files into dir, with the file that tells go build
// of them, and returns the path of that.
func (m Mutant) overlay(dir string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	texts, err := m.apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range texts {
		edited := filepath.Join(dir, "overlay", filepath.FromSlash(file))
		if err := write(edited, []byte(text)); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = edited
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, write(path, list)
}

// apply returns the edited texts, by file. A file's edits are made in their
// order, each on what the one before it left.
func (m Mutant) apply(root string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.Edits {
		text, ok := texts[e.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, fmt.Errorf("mutant %s: %w", m.Name, err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("mutant %s: %s has %d times, and not once, what is to be replaced; rewrite the mutant if the file has changed:\n%s",
				m.Name, e.File, n, e.Old)
		}
		texts[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return texts, nil
}

// moduleRoot is the folder that the program is built from.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "fairlead").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
