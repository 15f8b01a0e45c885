// Package localdb runs Fairlead's private database: a MariaDB server that is
// a child process of this program and keeps its data in one folder.
//
// It exists so that Fairlead runs on a machine without a database, on the same
// engine, driver and SQL as with one. The server is reachable only through a
// unix socket in a folder of mode 0700, where root needs no password: whoever
// may read the folder may read the data anyway.
//
// # Who owns what
//
// Two files in the folder are locked with flock, which the kernel undoes
// however a process ends:
//
//   - lock is held by the program that started the server. Whoever holds it
//     may prepare the folder and start servers in it; [Start] fails with
//     [ErrInUse] while someone else does.
//   - server.lock is held by the server process itself, which inherits it. A
//     server that outlives its program, if only while it shuts down, keeps it,
//     and the next owner waits for it or ends it. Two servers never share the
//     data.
//
// On Linux the kernel sends the server SIGTERM as soon as its program is gone,
// kill -9 included. On other systems the next [Start] ends a server left over.
// A service manager that signals every process of a service at once, as systemd
// does unless told KillMode=mixed, stops the database under a program that is
// still finishing its work.
//
// # What is on disk
//
//	DIR/lock          the owner's process id
//	DIR/server.lock   empty
//	DIR/socket        the path of the server's socket, while it runs
//	DIR/db            the server's data folder, mode 0700
//	DIR/db.tmp        the server's temporary files
//	DIR/db/.ready     written last; says which engine made the folder
//	DIR/db/err.log    what the server has to say
package localdb
