// Package lock takes MySQL named locks (GET_LOCK), which belong to a session
// and not to a transaction, looks at those that others hold, and ends a holder.
//
// A named lock lives as long as its session, so the work it guards must run in
// that same session. When a session ends, however it ends, the server first
// rolls its transaction back and then frees its locks: the next holder never
// meets half of what the last one did. A [Session] is such a connection, kept
// out of the pool as long as it may hold anything.
//
// Named locks are known to one server only. They are not replicated, and
// exclude nobody who reaches another primary.
//
// # What the functions return
//
// The same calls mean the same on every server as far as the server lets them:
//
//	                          MySQL            MariaDB          TiDB
//	Session.Get (GET_LOCK)
//	  free, or already ours   nil              nil              nil
//	  another's, in time      nil, in turn     nil, in turn     nil, in any order
//	  another's, too long     ErrTimeout       ErrTimeout       ErrTimeout
//	  wait of 0               at once          at once          after up to 1 s
//	  ended by KILL QUERY     ErrKilled        ErrKilled        ErrTimeout or ErrKilled, late
//	  would close a circle    ErrDeadlock      ErrDeadlock      ErrTimeout
//	  no name                 ErrName          ErrKilled        ErrName
//	  too long a name         ErrName, 65      ErrName, 193     ErrName, 65
//	                          characters       bytes            characters
//	Session.Release (RELEASE_LOCK)
//	  ours                    nil              nil              nil
//	  another's, nobody's     ErrNotHeld       ErrNotHeld       ErrNotHeld
//	Session.ReleaseAll        takes undone     takes undone     takes undone
//	IsFree (IS_FREE_LOCK)     true or false    true or false    true or false
//	UsedBy (IS_USED_LOCK)     holder's id      holder's id      1 for another's
//	Kill                      nil, or refused  nil, or refused  not to be asked
//	names that differ in      one lock         two locks        one lock
//	case only
//
// A lock that a session takes n times is free when it has been released n times;
// ReleaseAll counts each take. The session whose wait ends in ErrDeadlock keeps
// what it holds, and its transaction.
//
// # What can be seen
//
// [Inspect] reads the best of three sources and says in its [Report] which one
// that was, what it cannot see, and the statement that switches a better one on:
//
//	source                 on               needs                      shows
//	FromPerformanceSchema  MySQL; MariaDB   SELECT on its tables       all holders and waiters; program,
//	                       if switched on   metadata_locks, threads,   instance; exact times with SELECT on
//	                                        session_connect_attrs      the tables of statements
//	FromPlugin             MariaDB          the plugin; PROCESS for    all holders, by whom they are and
//	                                        others' sessions           since when; waiters that the
//	                                                                   process list shows
//	FromFunctions          everywhere       nothing; PROCESS for       holders of known names and of
//	                                        others' sessions           those waited for; waiters as above
//
// No server keeps the time since which a lock has been held. The performance
// schema remembers the last statements of a session, by default 10: as long as
// the one that took the lock is among them, the time is exact.
package lock
