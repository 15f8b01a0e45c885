package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/phone"
)

// keysRun runs fairlead keys with the keys in a file, and fails the test unless
// it ends with this code and says these words.
func keysRun(t *testing.T, db *dbtest.Database, keys []string, command string, code int, words ...string) {
	t.Helper()
	args := []string{"keys", command, "--dsn=" + db.DSN, "--log-level=error"}
	if len(keys) > 0 {
		file := filepath.Join(t.TempDir(), "phone.keys")
		if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--phone-keys-file="+file)
	}
	out, got := binary.Run(t, args...)
	if got != code {
		t.Errorf("keys %s: exit code %d, want %d:\n%s", command, got, code, out)
	}
	for _, want := range words {
		if !strings.Contains(out, want) {
			t.Errorf("keys %s does not say %q:\n%s", command, want, out)
		}
	}
	for _, secret := range append([]string{"0101234"}, keys...) {
		if strings.Contains(out, secret) {
			t.Errorf("keys %s says a secret:\n%s", command, out)
		}
	}
}

// newKey makes a key with the program.
func newKey(t *testing.T) (key, id string) {
	t.Helper()
	out, err := binary.Command("keys", "new").Output()
	if err != nil {
		t.Fatal(err)
	}
	key, ended := strings.CutSuffix(string(out), "\n")
	ring, err := phone.ParseKeys(key)
	if err != nil || len(ring.IDs()) != 1 || !ended || strings.TrimSpace(key) != key {
		t.Fatalf("%q is no key alone: %v", out, err)
	}
	return key, ring.Current()
}

// keepPhones puts phones of planners and customers into the table, sealed with
// key.
func keepPhones(t *testing.T, db *sqlx.DB, key string, pool assign.PoolID, n int) {
	t.Helper()
	ring, err := phone.ParseKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		planner, customer := fmt.Sprintf("p%d", i), fmt.Sprintf("01J%023d", i)
		keepPhone(t, db, ring, pool, "planner", planner, phone.AboutPlanner(pool, assign.PlannerID(planner)), i)
		keepPhone(t, db, ring, pool, "customer", customer, phone.AboutCustomer(pool), i)
	}
}

// phoneOf is a real phone; no output may have the start of it.
func phoneOf(i int) string { return fmt.Sprintf("0101234%04d", i) }

func keepPhone(t *testing.T, db *sqlx.DB, ring phone.Keyring, pool assign.PoolID, kind, owner, about string, i int) {
	t.Helper()
	given, err := ring.Seal(phoneOf(i), about)
	if err == nil {
		_, err = db.Exec(`INSERT INTO phones (pool, kind, owner, key_id, box, mark) VALUES (?, ?, ?, ?, ?, ?)`,
			string(pool), kind, owner, given.Key, []byte(given.Box), []byte(given.Mark))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The whole life of a key, as an operator goes through it: phones, a second
// key, the change, and a key that was forgotten.
func TestKeys(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	db := database.Open(t)
	if out, code := binary.Run(t, "migrate", "up", "--dsn="+database.DSN); code != 0 {
		t.Fatal(out)
	}
	old, oldID := newKey(t)
	current, currentID := newKey(t)

	keysRun(t, database, nil, "status", 0, "There is no key, and no phone is kept")
	keysRun(t, database, nil, "rotate", 2, "there is no key to seal with")
	keepPhones(t, db, old, "demo", 40)
	keysRun(t, database, nil, "status", 1, oldID+"  80      missing", "80 phones cannot be read", "Nothing is lost")
	keysRun(t, database, []string{old}, "status", 0, oldID+"  80      current")

	// Rotated without the old key, nothing changes but the exit code.
	keysRun(t, database, []string{current}, "status", 1, currentID+"  0       current", oldID+"  80      missing")
	keysRun(t, database, []string{current}, "rotate", 1, "0 phones sealed anew", "80 phones left as before, of key "+oldID,
		"of the customer of assignment 01J00000000000000000000000 in pool demo", "its key "+oldID+" is missing")
	keysRun(t, database, []string{old}, "status", 0, oldID+"  80      current")

	keysRun(t, database, []string{current, old}, "rotate", 0, "80 phones sealed anew with key "+currentID, "key "+oldID+" may be taken away")
	keysRun(t, database, []string{current, old}, "rotate", 0, "0 phones sealed anew")
	keysRun(t, database, []string{current}, "status", 0, currentID+"  80      current")

	ring, err := phone.ParseKeys(current)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		var p assign.Phone
		owner := fmt.Sprintf("p%d", i)
		row := db.QueryRow(`SELECT key_id, box, mark FROM phones WHERE kind = 'planner' AND owner = ?`, owner)
		if err := row.Scan(&p.Key, &p.Box, &p.Mark); err != nil {
			t.Fatal(err)
		}
		number, err := ring.Open(p, phone.AboutPlanner("demo", assign.PlannerID(owner)))
		if err != nil || number != phoneOf(i) {
			t.Errorf("%s: %q, %v", owner, number, err)
		}
	}
}

// Keys come from the environment too, and a file that others may read is none.
func TestKeysAreGiven(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	key, id := newKey(t)
	file := filepath.Join(t.TempDir(), "phone.keys")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := binary.Run(t, "migrate", "up", "--dsn="+database.DSN); code != 0 {
		t.Fatal(out)
	}
	status := func(env string) string {
		cmd := binary.Command("keys", "status", "--dsn="+database.DSN)
		cmd.Env = append(cmd.Env, env)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	for _, env := range []string{"FAIRLEAD_PHONE_KEYS=" + key, "FAIRLEAD_PHONE_KEYS_FILE=" + file} {
		if out := status(env); !strings.Contains(out, id+"  0       current") {
			t.Errorf("%s:\n%s", strings.SplitN(env, "=", 2)[0], out)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := status("FAIRLEAD_PHONE_KEYS_FILE=" + file); !strings.Contains(out, "chmod 600") || strings.Contains(out, id) {
		t.Errorf("a file that all may read:\n%s", out)
	}
	if out := status("FAIRLEAD_PHONE_KEYS=" + key[:20]); !strings.Contains(out, "key 1 must be 32 bytes") || strings.Contains(out, key[:20]) {
		t.Errorf("half a key:\n%s", out)
	}
}
