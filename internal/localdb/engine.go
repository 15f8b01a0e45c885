package localdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An Engine is a make of database server.
type Engine string

// The engines that [Start] can run. Fairlead's own is MariaDB; MySQL is there
// for tests.
const (
	MariaDB Engine = "mariadb"
	MySQL   Engine = "mysql"
)

// LockInstrument is the instrument of the performance schema that lists the
// holders and waiters of named locks. MySQL has it on by default, MariaDB off.
const LockInstrument = "wait/lock/metadata/sql/mdl"

// An Installation is a database server on this machine.
type Installation struct {
	Engine Engine
	// Server is the path of the server program, in BASE/sbin or BASE/bin.
	Server string
	// Share is the folder of messages and character sets and, with MariaDB,
	// of the SQL that makes a data folder.
	Share string
	// Libs are folders of shared libraries that the system's own do not have.
	Libs []string
	// Loader is the dynamic loader to run Server with, for a program built
	// for another C library than the system's. Empty means the system's.
	Loader string
}

func (i Installation) base() string { return filepath.Dir(filepath.Dir(i.Server)) }

// command returns the server program with args. Of this program's environment
// it passes on only what a server needs: the rest may hold secrets, or a
// service manager's variables, which are meant for this program alone.
func (i Installation) command(args ...string) *exec.Cmd {
	libs := strings.Join(i.Libs, string(os.PathListSeparator))
	cmd := exec.Command(i.Server, args...)
	if i.Loader != "" {
		cmd = exec.Command(i.Loader, append([]string{"--library-path", libs, i.Server}, args...)...)
	}
	cmd.Args[0] = i.Server
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	if libs != "" && i.Loader == "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+libs)
	}
	return cmd
}

// tmpFor returns the folder for a server's temporary files, beside its data.
// It must not be shared: a server that starts removes what it takes for its
// predecessor's temporary tables, and with them those that others are using.
func tmpFor(data string) string { return data + ".tmp" }

// commonArgs are the options that making a data folder and running it share.
func (i Installation) commonArgs(data string) []string {
	args := []string{
		"--no-defaults",
		"--basedir=" + i.base(),
		"--datadir=" + data,
		"--tmpdir=" + tmpFor(data),
		"--lc-messages-dir=" + i.Share,
		"--character-sets-dir=" + filepath.Join(i.Share, "charsets"),
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root") // refused by default, and right for a child of root
	}
	return args
}

// runArgs are the options in which the engines differ.
func (i Installation) runArgs(o Options) []string {
	if i.Engine == MySQL {
		return []string{
			"--plugin-dir=" + filepath.Join(i.base(), "lib/mysql/plugin"),
			"--mysqlx=OFF",
			"--skip-log-bin",
			"--secure-file-priv=",
			fmt.Sprintf("--innodb-redo-log-capacity=%d", o.RedoLog),
		} // its performance schema lists locks by default
	}
	args := []string{
		"--log-warnings=1",
		fmt.Sprintf("--innodb-log-file-size=%d", o.RedoLog),
	}
	if o.ShowLocks {
		return append(args, "--performance-schema=ON", "--performance-schema-instrument="+LockInstrument+"=ON")
	}
	return append(args, "--performance-schema=OFF")
}

// makeFolders makes the empty folders of a server.
func makeFolders(data string) error {
	for _, dir := range []string{data, tmpFor(data)} {
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			return err
		}
	}
	return nil
}

// initialise fills the empty folder data. What the server says goes to log,
// and lock is inherited by it.
func (i Installation) initialise(ctx context.Context, data string, log, lock *os.File) error {
	cmd, err := i.initCommand(data)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	return runToEnd(ctx, cmd)
}

func (i Installation) initCommand(data string) (*exec.Cmd, error) {
	if i.Engine == MySQL {
		return i.command(i.initArgs(data)...), nil
	}
	script, err := i.bootstrapSQL()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(data, "mysql"), 0o700); err != nil {
		return nil, err
	}
	cmd := i.command(i.initArgs(data)...)
	cmd.Stdin = bytes.NewReader(script)
	return cmd, nil
}

// initArgs are the options for making a data folder. The sizes are small
// because running it makes them larger anyway.
func (i Installation) initArgs(data string) []string {
	args := append(i.commonArgs(data), "--innodb-buffer-pool-size=32M")
	if i.Engine == MySQL {
		return append(args, "--initialize-insecure", "--mysqlx=OFF", "--innodb-redo-log-capacity=8M")
	}
	return append(args, "--bootstrap", "--log-warnings=0", "--enforce-storage-engine=", "--innodb-log-file-size=8M")
}

// bootstrapSQL returns what makes MariaDB's system tables. It is fed to the
// server directly: the script for the purpose, mariadb-install-db, needs
// programs from other packages than the server's.
func (i Installation) bootstrapSQL() ([]byte, error) {
	var script bytes.Buffer
	// Without this variable root is created without a password, which is
	// what the socket's folder protects. Each statement needs its own line.
	script.WriteString("USE mysql;\nSET @auth_root_socket=NULL;\n")
	for _, name := range []string{"system_tables.sql", "performance_tables.sql", "system_tables_data.sql"} {
		part, err := readScript(i.Share, name)
		if err != nil {
			return nil, fmt.Errorf("read the SQL of the system tables: %w", err)
		}
		script.Write(part)
		script.WriteByte('\n')
	}
	return script.Bytes(), nil
}

// readScript reads one of MariaDB's scripts, whose names begin with the name
// of either product, depending on the version.
func readScript(share, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(share, "mariadb_"+name))
	if errors.Is(err, fs.ErrNotExist) {
		return os.ReadFile(filepath.Join(share, "mysql_"+name))
	}
	return text, err
}
