package lock_test

import (
	"context"
	"net"

	"github.com/go-sql-driver/mysql"
)

// A lead is the connection below a session, in the hands of a test: it can
// end it without a word, and send what the driver has no call for.
type lead struct {
	net.Conn
}

// under is an edit that puts the lead under the next connection.
func (l *lead) under(cfg *mysql.Config) {
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		l.Conn = conn
		return l, err
	}
}

// cut ends the connection as the death of the client's process would: the
// client takes no leave of the server, and its system hangs up.
func (l *lead) cut() { _ = l.Conn.Close() }

// The commands of the protocol that are used here, and the length of what
// stands before a command in a packet: the payload's length and a number.
const (
	comQuery           = 0x03
	comResetConnection = 0x1f
	packetHeader       = 4
)

// resetConnection is what a session "says" in order to send the command that
// pools of other drivers send before they hand a connection on.
const resetConnection = "RESET CONNECTION"

// Write sends a packet: of its own kind if the text asks for that.
func (l *lead) Write(p []byte) (int, error) {
	if len(p) <= packetHeader || p[packetHeader] != comQuery || string(p[packetHeader+1:]) != resetConnection {
		return l.Conn.Write(p)
	}
	if _, err := l.Conn.Write([]byte{1, 0, 0, p[3], comResetConnection}); err != nil {
		return 0, err
	}
	return len(p), nil
}
