package localdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// serverPackage is the Debian and Ubuntu package with the server program and
// what it needs, but without a system service.
const serverPackage = "mariadb-server-core"

// Install brings a MariaDB server to this machine unless [Find] finds one, and
// tells out what it does.
//
// On Debian and Ubuntu root gets the package mariadb-server-core, and everyone
// else the same unpacked into Fairlead's cache folder. No service is started,
// and no installed package is removed. On other systems the error says what to
// do by hand.
func Install(ctx context.Context, out io.Writer) error {
	return installAs(ctx, out, os.Geteuid() == 0)
}

func installAs(ctx context.Context, out io.Writer, root bool) error {
	if inst, err := Find(); err == nil {
		fmt.Fprintf(out, "MariaDB is here already: %s\n", inst.Server)
		return nil
	}
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return errors.New(byHand)
		}
	}
	if err := installOrUnpack(ctx, out, root); err != nil {
		return fmt.Errorf("%w\n%s", err, byHand)
	}
	inst, err := Find()
	if err != nil {
		return err
	}
	version, err := inst.command("--no-defaults", "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("the server that was installed does not run: %w\n%s", err, version)
	}
	fmt.Fprintf(out, "MariaDB is ready: %s\n", bytes.TrimSpace(version))
	return nil
}

const byHand = `cannot install MariaDB here. Either
  - install it yourself: "brew install mariadb" on macOS, elsewhere the package that has mariadbd
    (mariadb-server-core, mariadb-server or mariadb); it need not be running; or
  - give a MySQL or MariaDB server in FAIRLEAD_DSN`

// installOrUnpack installs the package if that can be done, and else unpacks
// it.
func installOrUnpack(ctx context.Context, out io.Writer, root bool) error {
	if !root {
		return unpackServer(ctx, out)
	}
	err := installPackage(ctx, out)
	if err == nil {
		return nil
	}
	fmt.Fprintf(out, "That did not work: %v\n", err)
	return unpackServer(ctx, out)
}

// installPackage installs the server on the system. Lists that are missing or
// out of date make the first attempt fail.
func installPackage(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "Installing the package %s and the libraries it needs (apt-get; no service is started).\n", serverPackage)
	install := []string{
		"-o", "DPkg::Lock::Timeout=120", "install", "--yes", "--no-install-recommends",
		"--no-remove", // a server of another make stays
		serverPackage,
	}
	if aptGet(ctx, install...) == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, install...)
}

// unpackServer unpacks the server, and the libraries that this machine lacks,
// into the cache folder.
func unpackServer(ctx context.Context, out io.Writer) error {
	root, err := cacheRoot("mariadb")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Unpacking the package %s and the libraries it needs into %s; nothing is installed on the system.\n", serverPackage, root)
	home := filepath.Dir(root)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("make the cache folder: %w", err)
	}
	work, err := os.MkdirTemp(home, "unpack-")
	if err != nil {
		return fmt.Errorf("make a folder to unpack in: %w", err)
	}
	defer os.RemoveAll(work)
	if err := fetch(ctx, work); err != nil {
		return err
	}
	if err := unpackAll(ctx, work); err != nil {
		return err
	}
	return put(filepath.Join(work, "root"), root)
}

// put moves the unpacked tree to its place. If another program has done so in
// the meantime, its tree stays: a server may be running from it.
func put(tree, place string) error {
	if _, ok := installed(filepath.Join(place, "usr/sbin/mariadbd")); ok {
		return nil
	}
	if err := errors.Join(os.RemoveAll(place), os.Rename(tree, place)); err != nil {
		return fmt.Errorf("put the server in its place: %w", err)
	}
	return nil
}

// fetch downloads the packages into work/archives. Apt may write only as root
// to where it keeps its state, so it gets a place of its own for all of it,
// with a copy of what is installed: the libraries that are need no fetching.
func fetch(ctx context.Context, work string) error {
	for _, dir := range []string{"lists/partial", "archives/partial", "root"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return fmt.Errorf("make a folder for apt: %w", err)
		}
	}
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		return fmt.Errorf("see what is installed: %w", err)
	}
	if err := os.WriteFile(filepath.Join(work, "status"), status, 0o600); err != nil {
		return fmt.Errorf("note what is installed: %w", err)
	}
	conf := filepath.Join(work, "apt.conf")
	if err := os.WriteFile(conf, []byte(strings.ReplaceAll(ownApt, "WORK", work)), 0o600); err != nil {
		return fmt.Errorf("configure apt: %w", err)
	}
	if err := aptGet(ctx, "-c", conf, "update"); err != nil {
		return err
	}
	return aptGet(ctx, "-c", conf, "install", "--yes", "--no-install-recommends", "--download-only",
		"--reinstall", // fetch it even where it is said to be installed: nobody found it
		serverPackage)
}

// ownApt makes apt keep to the folder WORK. The user that it would change to
// when run by root cannot read that folder, and the system's hooks are about
// the system's folders.
const ownApt = `
Dir::State::lists "WORK/lists";
Dir::State::status "WORK/status";
Dir::State::extended_states "WORK/extended_states";
Dir::Cache "WORK";
Dir::Cache::archives "WORK/archives";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`

// unpackAll unpacks work/archives into work/root.
func unpackAll(ctx context.Context, work string) error {
	debs, err := filepath.Glob(filepath.Join(work, "archives", "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		// An update of the C library does not fit the loader in use.
		if strings.HasPrefix(filepath.Base(deb), "libc6") {
			continue
		}
		if err := quietly(exec.CommandContext(ctx, "dpkg-deb", "--extract", deb, filepath.Join(work, "root"))); err != nil {
			return err
		}
	}
	return nil
}

func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	return quietly(cmd)
}

// quietly runs cmd, whose output only matters when it fails.
func quietly(cmd *exec.Cmd) error {
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(said))
	}
	return nil
}
