package failover

// A dialect is how a make of server is told to replicate. The primary answers
// a commit only when a replica has it (semi-synchronous replication, waiting
// ahead of the commit being seen): otherwise what was acknowledged in the last
// moments is lost with the primary, and no client can do anything about it.
type dialect struct {
	args []string // of the server program

	// forget makes a new server one without a history of its own.
	forget string

	// await, on a primary, makes commits wait for a replica; acknowledge, on a
	// replica, makes it say that it has them.
	await, acknowledge []string

	// In follow, {port} and {password} are the primary's. Followers is the status
	// variable of a primary that counts those who acknowledge.
	follow    []string
	followers string

	protect []string // make a server refuse writes

	stopApplying, goOnApplying string // on a replica, which receives meanwhile

	// stopReceiving is the first step of a promotion. What has been received
	// by then is in a column of receivedFrom's row; applied returns, with that
	// for its parameter, when it has been applied, and then says 0.
	stopReceiving, receivedFrom, received, applied string

	promote []string // the last step
}

// patience is how long a primary waits for its replica, in milliseconds:
// longer than the tests last, for what it commits alone would be lost.
const patience = "3600000"

var mariaDB = dialect{
	args:   []string{"--log-bin=binlog", "--log-slave-updates=ON", "--binlog-format=ROW", "--sync-binlog=1", "--gtid-strict-mode=ON"},
	forget: `RESET MASTER`,
	await: []string{
		`SET GLOBAL rpl_semi_sync_master_timeout = ` + patience,
		`SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC`,
		`SET GLOBAL rpl_semi_sync_master_enabled = ON`,
	},
	acknowledge: []string{`SET GLOBAL rpl_semi_sync_slave_enabled = ON`},
	follow: []string{
		`CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'replica', MASTER_PASSWORD = '{password}', MASTER_USE_GTID = slave_pos`,
		`START SLAVE`,
	},
	followers:     `Rpl_semi_sync_master_clients`,
	protect:       []string{`SET GLOBAL read_only = ON`},
	stopApplying:  `STOP SLAVE SQL_THREAD`,
	goOnApplying:  `START SLAVE SQL_THREAD`,
	stopReceiving: `STOP SLAVE IO_THREAD`,
	receivedFrom:  `SHOW SLAVE STATUS`,
	received:      `Gtid_IO_Pos`,
	applied:       `SELECT MASTER_GTID_WAIT(?, 30)`,
	promote:       []string{`STOP SLAVE`, `RESET SLAVE ALL`, `SET GLOBAL read_only = OFF`},
}

var mySQL = dialect{
	args: []string{"--log-bin=binlog", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
		"--plugin-load-add=semisync_source.so", "--plugin-load-add=semisync_replica.so"},
	forget: `RESET BINARY LOGS AND GTIDS`,
	await: []string{
		`SET GLOBAL rpl_semi_sync_source_timeout = ` + patience,
		`SET GLOBAL rpl_semi_sync_source_wait_point = AFTER_SYNC`,
		`SET GLOBAL rpl_semi_sync_source_enabled = ON`,
	},
	acknowledge: []string{`SET GLOBAL rpl_semi_sync_replica_enabled = ON`},
	follow: []string{
		`CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'replica', SOURCE_PASSWORD = '{password}',
			SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
		`START REPLICA`,
	},
	followers:     `Rpl_semi_sync_source_clients`,
	protect:       []string{`SET GLOBAL super_read_only = ON`},
	stopApplying:  `STOP REPLICA SQL_THREAD`,
	goOnApplying:  `START REPLICA SQL_THREAD`,
	stopReceiving: `STOP REPLICA IO_THREAD`,
	receivedFrom:  `SELECT * FROM performance_schema.replication_connection_status`,
	received:      `RECEIVED_TRANSACTION_SET`,
	applied:       `SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 30)`,
	promote:       []string{`STOP REPLICA`, `RESET REPLICA ALL`, `SET GLOBAL super_read_only = OFF`, `SET GLOBAL read_only = OFF`},
}
