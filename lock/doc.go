// Package lock takes MySQL named locks (GET_LOCK), which belong to a session
// and not to a transaction, and looks at those that others hold.
//
// A named lock lives as long as its session, so the work it guards must run in
// that same session. When a session ends, however it ends, the server first
// rolls its transaction back and then frees its locks: the next holder never
// meets half of what the last one did. A [Session] is such a connection, kept
// out of the pool as long as it may hold anything.
//
// Named locks are known to one server only. They are not replicated, and
// exclude nobody who reaches another primary.
package lock
