package lock

// mysqlStatements are for MySQL 8.0.16 and later.
//
// Where times come from: the performance schema numbers a thread's events, and
// a metadata lock's OWNER_EVENT_ID is the number after that of the statement
// that asked for it. A timer of the asking session's own statement says when
// "now" is, since timers count from the start of the server.
//
// None reads information_schema.PROCESSLIST or INNODB_TRX: a statement with
// bytes that are no text, as ours have, makes MySQL refuse to show the whole of
// either (3854, ER_CANNOT_CONVERT_STRING), whichever columns are asked for.
var mysqlStatements = []Statement{
	{
		Title: "Who holds which lock, since when, and who waits for it?",
		Why: `Holders come first, then waiters by how long they have waited; seconds is how long it has been held or waited for, NULL if the holder has since run so many statements ` +
			`(10 by default) that the one which took the lock is forgotten. Runs is the present statement without its literals, NULL if the session is idle.`,
		Account: "monitor",
		Text: `SELECT l.OBJECT_NAME AS lock_name,
       IF(l.LOCK_STATUS = 'GRANTED', 'holds', 'waits') AS does,
       t.PROCESSLIST_ID AS connection_id, t.PROCESSLIST_USER AS user, t.PROCESSLIST_HOST AS host,
       p.ATTR_VALUE AS program, i.ATTR_VALUE AS instance,
       ROUND(IF(l.LOCK_STATUS = 'GRANTED', n.TIMER_END - h.TIMER_END, w.TIMER_WAIT) / 1e12, 3) AS seconds,
       LEFT(s.DIGEST_TEXT, 100) AS runs
  FROM performance_schema.metadata_locks l
  JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID
  LEFT JOIN performance_schema.session_connect_attrs p
    ON p.PROCESSLIST_ID = t.PROCESSLIST_ID AND p.ATTR_NAME = 'program_name'
  LEFT JOIN performance_schema.session_connect_attrs i
    ON i.PROCESSLIST_ID = t.PROCESSLIST_ID AND i.ATTR_NAME = 'instance'
  LEFT JOIN performance_schema.events_statements_history h
    ON h.THREAD_ID = l.OWNER_THREAD_ID AND h.EVENT_ID = l.OWNER_EVENT_ID - 1 AND h.DIGEST_TEXT LIKE '%GET_LOCK%'
  LEFT JOIN performance_schema.events_statements_current w
    ON w.THREAD_ID = l.OWNER_THREAD_ID AND w.EVENT_ID = l.OWNER_EVENT_ID - 1
  LEFT JOIN performance_schema.events_statements_current s
    ON s.THREAD_ID = l.OWNER_THREAD_ID AND s.NESTING_EVENT_LEVEL = 0 AND s.END_EVENT_ID IS NULL
  LEFT JOIN performance_schema.events_statements_current n
    ON n.THREAD_ID = PS_CURRENT_THREAD_ID() AND n.NESTING_EVENT_LEVEL = 0
 WHERE l.OBJECT_TYPE = 'USER LEVEL LOCK'
 ORDER BY l.OBJECT_NAME, l.LOCK_STATUS, seconds DESC, connection_id`,
	},
	usedStatement,
	{
		Title:   transactionTitle,
		Why:     transactionWhy + ` Here they are those of the last 10 statements.`,
		Account: "monitor",
		Text: `SELECT t.PROCESSLIST_ID AS connection_id,
       IF(EXISTS (SELECT 1 FROM performance_schema.data_lock_waits d WHERE d.REQUESTING_THREAD_ID = t.THREAD_ID),
          'LOCK WAIT', 'RUNNING') AS state,
       ROUND(x.TIMER_WAIT / 1e12, 3) AS seconds,
       (SELECT COALESCE(SUM(h.ROWS_AFFECTED), 0) FROM performance_schema.events_statements_history h
         WHERE h.THREAD_ID = t.THREAD_ID AND h.EVENT_ID > x.EVENT_ID) AS rows_changed
  FROM performance_schema.threads t
  JOIN performance_schema.events_transactions_current x ON x.THREAD_ID = t.THREAD_ID AND x.STATE = 'ACTIVE'
 WHERE t.PROCESSLIST_ID = IS_USED_LOCK('fairlead:fairlead:demo')`,
	},
	{
		Title:   blockersTitle,
		Why:     blockersWhy + ` On a busy server do not repeat it every second: it takes latches of InnoDB's lock system.`,
		Account: "monitor",
		Text: `SELECT b.PROCESSLIST_ID AS connection_id, b.PROCESSLIST_USER AS user, b.PROCESSLIST_HOST AS host,
       b.PROCESSLIST_COMMAND AS command, b.PROCESSLIST_TIME AS seconds_in_state
  FROM performance_schema.data_lock_waits d
  JOIN performance_schema.threads r ON r.THREAD_ID = d.REQUESTING_THREAD_ID
  JOIN performance_schema.threads b ON b.THREAD_ID = d.BLOCKING_THREAD_ID
 WHERE r.PROCESSLIST_ID = IS_USED_LOCK('fairlead:fairlead:demo')`,
	},
	KillStatement,
}
