package faults

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"

	"fairlead/e2e/program"
)

// A host is a machine of its own as far as the network is concerned: a network
// namespace, with one cable to the database and one to the callers.
type host struct {
	pid               int // of a process in it
	database, callers cable
}

// A cable connects a host with the machine that the tests run on.
type cable struct{ here, there end }

// An end of a cable is a network interface.
type end struct {
	in      []string // what runs a command where the interface is
	device  string
	address string
	peer    string // the other end's address
}

// newHost makes a host that is gone when the test ends, or is killed.
func newHost(t *testing.T) *host {
	t.Helper()
	for _, tool := range []string{"ip", "unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			cannot(t, "a partition needs ip (package iproute2), and unshare and nsenter (util-linux): %v", err)
		}
	}
	if os.Geteuid() != 0 {
		cannot(t, "a partition needs network namespaces, which only root can make")
	}
	h := &host{pid: newNamespace(t)}
	h.database, h.callers = h.connect(t), h.connect(t)
	return h
}

// newNamespace returns the id of a process with a network of its own, which
// exists for as long as the process does.
func newNamespace(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.Command("unshare", "--net", "cat") // which ends when nobody can write to it any more
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := cmd.Start(); errIn != nil || errOut != nil || err != nil {
		t.Fatal(errIn, errOut, err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	// Once it answers it is inside.
	_, _ = io.WriteString(in, "hello\n")
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		cannot(t, "a partition needs network namespaces, and none can be made here")
	}
	return cmd.Process.Pid
}

// connect adds a cable.
func (h *host) connect(t *testing.T) cable {
	t.Helper()
	name, a, b := newNetwork(t)
	c := cable{
		here:  end{device: name + "a", address: a, peer: b},
		there: end{device: name + "b", address: b, peer: a, in: h.enter()},
	}
	c.here.ip(t, "link", "add", c.here.device, "type", "veth", "peer", "name", c.there.device)
	c.here.ip(t, "link", "set", c.there.device, "netns", fmt.Sprint(h.pid))
	for _, e := range []end{c.here, c.there} {
		e.ip(t, "address", "add", e.address+"/30", "dev", e.device)
		e.ip(t, "link", "set", e.device, "up")
	}
	return c
}

// newNetwork returns two addresses of a small network that is not in use, and
// a name for it.
func newNetwork(t *testing.T) (name, a, b string) {
	t.Helper()
	used, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for {
		n := rand.IntN(1 << 14)
		block := net.IPv4(10, 213, byte(n>>6), byte(n<<2))
		inUse := func(u net.Addr) bool { n, ok := u.(*net.IPNet); return ok && n.Contains(block) }
		if !slices.ContainsFunc(used, inUse) {
			return fmt.Sprintf("fl%04x", n), next(block, 1), next(block, 2)
		}
	}
}

func next(block net.IP, n byte) string {
	ip := slices.Clone(block)
	ip[len(ip)-1] += n
	return ip.String()
}

func (e end) ip(t *testing.T, args ...string) {
	t.Helper()
	command := append(append(append([]string{}, e.in...), "ip"), args...)
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", command, err, out)
	}
}

// enter is what runs a command on the host.
func (h *host) enter() []string {
	return []string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", h.pid)}
}

// start starts an instance of s on the host.
func (h *host) start(t *testing.T, s *site, flags ...string) *program.Instance {
	t.Helper()
	at := h.callers.there.address + ":0"
	return binary.In(h.enter()...).Start(t, s.flags(append(flags, "--insecure", "--listen="+at, "--admin-listen="+at)...)...)
}

// nowhere is a hardware address that nobody has. What is sent there is lost,
// and neither side is told.
const nowhere = "02:00:00:00:00:01"

// lose loses all that e sends, until find.
func (e end) lose(t *testing.T) {
	t.Helper()
	e.ip(t, "neighbour", "replace", e.peer, "lladdr", nowhere, "nud", "permanent", "dev", e.device)
}

func (e end) find(t *testing.T) {
	t.Helper()
	e.ip(t, "neighbour", "delete", e.peer, "dev", e.device)
}

// cut cuts the cable, in silence.
func (c cable) cut(t *testing.T) {
	t.Helper()
	c.there.lose(t)
	c.here.lose(t)
}

func (c cable) mend(t *testing.T) {
	t.Helper()
	c.here.find(t)
	c.there.find(t)
}
