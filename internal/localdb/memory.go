package localdb

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// linuxMemory returns how many bytes this process may use, as far as the
// files under root (the root of the file system) say: the machine's memory, or
// the smallest limit of the control groups it is in. It returns 0 if they say
// nothing.
func linuxMemory(root fs.FS) int64 {
	least := machineMemory(root)
	for _, file := range limitFiles(root) {
		data, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		// "max" means no limit, and does not parse.
		n, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
		if err == nil && n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

func machineMemory(root fs.FS) int64 {
	data, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// limitFiles lists the files that may limit this process: those of its control
// group and of every one above, in both versions of the interface. Inside a
// container the group's path may not be visible, but its root is.
func limitFiles(root fs.FS) []string {
	data, _ := fs.ReadFile(root, "proc/self/cgroup")
	var files []string
	sc := bufio.NewScanner(bytes.NewReader(data))
	for sc.Scan() {
		id, rest, _ := strings.Cut(sc.Text(), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case id == "0" && controllers == "":
			files = append(files, upwards("sys/fs/cgroup", group, "memory.max")...)
		case controllers == "memory":
			files = append(files, upwards("sys/fs/cgroup/memory", group, "memory.limit_in_bytes")...)
		}
	}
	return files
}

func upwards(mount, group, file string) []string {
	var files []string
	for g := path.Clean("/" + group); ; g = path.Dir(g) {
		files = append(files, path.Join(mount, g, file))
		if g == "/" {
			return files
		}
	}
}
