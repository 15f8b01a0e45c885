package localdb

import "os"

// memory returns how many bytes this process may use, or 0 if it cannot tell.
func memory() int64 { return linuxMemory(os.DirFS("/")) }
