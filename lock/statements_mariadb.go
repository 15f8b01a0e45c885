package lock

// mariadbStatements are for MariaDB 10.6 and later. They read
// information_schema.PROCESSLIST, which MySQL must not be asked for and which
// has milliseconds here. INFO and trx_query are never shown as they are: they have literals.
var mariadbStatements = []Statement{
	{
		Title: "Who holds which lock, and who waits for it? (with the lock instrument)",
		Why: `Empty unless performance_schema is ON and the instrument wait/lock/metadata/sql/mdl is enabled. Seconds is exact for who waits; for who holds, it is the time since its last ` +
			`statement began or ended, so it has held the lock for at least that long.`,
		Account: "monitor",
		Text: `SELECT l.OBJECT_NAME AS lock_name,
       IF(l.LOCK_STATUS = 'GRANTED', 'holds', 'waits') AS does,
       t.PROCESSLIST_ID AS connection_id, t.PROCESSLIST_USER AS user, t.PROCESSLIST_HOST AS host,
       a.ATTR_VALUE AS program, i.ATTR_VALUE AS instance,
       ROUND(p.TIME_MS / 1000, 3) AS seconds, p.COMMAND AS command, p.STATE AS state,
       REGEXP_SUBSTR(p.INFO, '^[A-Za-z]+') AS runs
  FROM performance_schema.metadata_locks l
  JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID
  LEFT JOIN performance_schema.session_connect_attrs a
    ON a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name'
  LEFT JOIN performance_schema.session_connect_attrs i
    ON i.PROCESSLIST_ID = t.PROCESSLIST_ID AND i.ATTR_NAME = 'instance'
  LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.PROCESSLIST_ID
 WHERE l.OBJECT_TYPE = 'USER LEVEL LOCK'
 ORDER BY l.OBJECT_NAME, l.LOCK_STATUS, seconds DESC, connection_id`,
	},
	{
		Title: "Who holds which lock, and who waits for it? (with the plugin)",
		Why: `For a server with the performance schema off: INSTALL SONAME 'metadata_lock_info' needs no restart, and the plugin sees locks that are older than itself. ` +
			`Seconds is to be read as above. Who waits is found by its state and its statement.`,
		Account: "monitor",
		Text: `SELECT m.TABLE_SCHEMA AS lock_name, 'holds' AS does, m.THREAD_ID AS connection_id, p.USER AS user, p.HOST AS host,
       ROUND(p.TIME_MS / 1000, 3) AS seconds, p.COMMAND AS command, p.STATE AS state
  FROM information_schema.METADATA_LOCK_INFO m
  LEFT JOIN information_schema.PROCESSLIST p ON p.ID = m.THREAD_ID
 WHERE m.LOCK_TYPE = 'User lock'
 UNION ALL
` + mariadbWaiters,
	},
	{
		Title:   "Who holds this one lock, and who waits for any? (with neither)",
		Why:     `Works on every server, and with the same meaning of seconds. Only holders of locks whose names are known can be found like this.`,
		Account: "monitor",
		Text: `SELECT 'fairlead:fairlead:demo' AS lock_name, 'holds' AS does, p.ID AS connection_id, p.USER AS user, p.HOST AS host,
       ROUND(p.TIME_MS / 1000, 3) AS seconds, p.COMMAND AS command, p.STATE AS state
  FROM information_schema.PROCESSLIST p
 WHERE p.ID = IS_USED_LOCK('fairlead:fairlead:demo')
 UNION ALL
` + mariadbWaiters,
	},
	usedStatement,
	{
		Title:   transactionTitle,
		Why:     transactionWhy,
		Account: "monitor",
		Text: `SELECT x.trx_mysql_thread_id AS connection_id, x.trx_state AS state,
       TIMESTAMPDIFF(SECOND, x.trx_started, NOW()) AS seconds,
       x.trx_rows_modified AS rows_changed
  FROM information_schema.INNODB_TRX x
 WHERE x.trx_mysql_thread_id = IS_USED_LOCK('fairlead:fairlead:demo')`,
	},
	{
		Title:   blockersTitle,
		Why:     blockersWhy,
		Account: "monitor",
		Text: `SELECT b.trx_mysql_thread_id AS connection_id, p.USER AS user, p.HOST AS host,
       p.COMMAND AS command, ROUND(p.TIME_MS / 1000, 3) AS seconds_in_state
  FROM information_schema.INNODB_LOCK_WAITS d
  JOIN information_schema.INNODB_TRX r ON r.trx_id = d.requesting_trx_id
  JOIN information_schema.INNODB_TRX b ON b.trx_id = d.blocking_trx_id
  LEFT JOIN information_schema.PROCESSLIST p ON p.ID = b.trx_mysql_thread_id
 WHERE r.trx_mysql_thread_id = IS_USED_LOCK('fairlead:fairlead:demo')`,
	},
	KillStatement,
}

// mariadbWaiters shows of a statement the name of the lock and nothing else.
const mariadbWaiters = `SELECT REGEXP_REPLACE(REGEXP_SUBSTR(p.INFO, '(?i)GET_LOCK\\s*\\(\\s*[''"][^''"]+'), '^[^''"]*[''"]', ''),
       'waits', p.ID, p.USER, p.HOST, ROUND(p.TIME_MS / 1000, 3), p.COMMAND, p.STATE
  FROM information_schema.PROCESSLIST p
 WHERE p.STATE = 'User lock'
 ORDER BY lock_name, does, seconds DESC, connection_id`
