package lock

// tidbStatements are what TiDB can answer. It keeps named locks as rows of a
// table of its own, mysql.advisory_locks, which an internal session locks, and
// so does not know by which connection.
var tidbStatements = []Statement{
	{
		Title:   "Is this one lock held?",
		Why:     `1 means that some session holds it, NULL that it is free. TiDB does not say who: do not take the 1 for a connection id.`,
		Account: "app",
		Text:    `SELECT IS_USED_LOCK('fairlead:fairlead:demo') AS held`,
	},
	{
		Title:   "Who waits for a lock, and which sessions are there?",
		Why:     `Waiters are those whose statement is GET_LOCK. Which of the others holds the lock is not to be learned from the server.`,
		Account: "monitor",
		Text: `SELECT p.INSTANCE AS server, p.ID AS connection_id, p.USER AS user, p.HOST AS host,
       p.TIME AS seconds_in_state, p.COMMAND AS command, p.INFO LIKE '%GET_LOCK%' AS waits
  FROM information_schema.CLUSTER_PROCESSLIST p
 WHERE p.ID <> CONNECTION_ID()
 ORDER BY waits DESC, seconds_in_state DESC`,
	},
	{
		Title:   "End a session",
		Why:     `There is no way to make this depend on who holds the lock. Its locks are free afterwards.`,
		Account: "admin",
		Text:    `KILL 4711`,
	},
}
