//go:build !linux && !darwin

package localdb

// memory returns how many bytes this process may use, or 0 if it cannot tell.
func memory() int64 { return 0 }
