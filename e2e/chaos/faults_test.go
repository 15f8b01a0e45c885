package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"syscall"
	"time"

	"fairlead/e2e/wire"
	"fairlead/internal/dbtest"
)

// The names under which faults are counted, the sums of which people ask for.
const (
	serverKill   = "server killed (-9)"
	serverStop   = "server stopped for a while"
	instanceKill = "instance killed (-9)"
	answerKill   = "instance killed (-9) between COMMIT and answer"
	instanceStop = "instance stopped for a while"
	holderKill   = "holder killed "
	queryKill    = "statement of a holder killed"
	serverError  = "error of the server "
	waiterKill   = "statement of a waiter killed"
	cut          = "connection cut "
	reset        = "connections reset"
	slow         = "network slow for a while"
	silent       = "network silent for a while"
	callersLeft  = "callers left "
	rowLock      = "pool's row locked by a stranger"
	plannersLock = "planners' rows locked by a stranger"
	lockStolen   = "lock taken by a stranger"
	tableChange  = "table changed"
	tableFlush   = "tables flushed"
	exhaustion   = "connections exhausted, administrator got in"
)

func killServer(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	n.server.Kill()
	n.server.Start()
	return serverKill, 1
}

func stopServer(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	n.server.Signal(syscall.SIGSTOP)
	pause(ctx, time.Duration(50+rnd.IntN(1000))*time.Millisecond)
	n.server.Signal(syscall.SIGCONT)
	return serverStop, 1
}

func killInstance(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	n.kill(rnd.IntN(len(n.seats)))
	return instanceKill, 1
}

// killBeforeAnswer kills an instance whose COMMIT has happened and which has
// not heard of it yet.
func killBeforeAnswer(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	seat := rnd.IntN(len(n.seats))
	if n.hold(ctx, seat, wire.BehindCommit, 2*time.Second) == nil {
		return "", 0
	}
	n.kill(seat)
	return answerKill, 1
}

func stopInstance(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	s := n.seats[rnd.IntN(len(n.seats))]
	i, name := s.now()
	at := n.record.Now()
	_ = i.Signal(syscall.SIGSTOP)
	pause(ctx, time.Duration(50+rnd.IntN(2000))*time.Millisecond)
	_ = i.Signal(syscall.SIGCONT)
	s.stopped(pausing{name: name, from: at, to: n.record.Now()})
	return instanceStop, 1
}

// springTime is how long a trap stays armed.
const springTime = 300 * time.Millisecond

// spring arms a trap on a seat's network and waits until it springs, or not.
func (n *nemesis) spring(ctx context.Context, seat int, t wire.Trap) *wire.Sprung {
	armed := n.seats[seat].wire.Arm(t)
	defer armed.Disarm()
	timer := time.NewTimer(springTime)
	defer timer.Stop()
	select {
	case s := <-armed.Sprung():
		return &s
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// A held is a unit that has come to a step and stays there for a while.
type held struct {
	wire.Sprung
	session int64
}

// hold holds a unit of an instance at a step. It returns nil if none came, or
// it was ended on the way.
func (n *nemesis) hold(ctx context.Context, seat int, step wire.Step, d time.Duration) *held {
	s := n.spring(ctx, seat, wire.Trap{Step: step, Do: wire.Hold, For: d})
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	id, err := s.Session(ctx, n.admin)
	if err != nil {
		return nil
	}
	return &held{*s, id}
}

// step is one at which a unit can be held.
func (n *nemesis) step(rnd *rand.Rand) wire.Step {
	for {
		s := wire.Steps[rnd.IntN(len(wire.Steps))]
		if !n.plan.lockOff || s.WithoutLock() {
			return s
		}
	}
}

// killAtStep holds a unit at a step, and kills its session there.
func killAtStep(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	h := n.hold(ctx, rnd.IntN(len(n.seats)), n.step(rnd), 500*time.Millisecond)
	if h == nil || !n.end(ctx, "KILL CONNECTION", h.session) {
		return "", 0 // somebody else was faster
	}
	return holderKill + "at " + h.Step.String(), 1
}

// serverErrors are what a server may say in the middle of a packet, with the
// session and its transaction going on.
var serverErrors = []uint16{
	1021, // ER_DISK_FULL
	1205, // ER_LOCK_WAIT_TIMEOUT
	1213, // ER_LOCK_DEADLOCK
	1317, // ER_QUERY_INTERRUPTED
}

// failAtStep makes the server give up a unit at a step.
func failAtStep(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	t := wire.Trap{Step: n.step(rnd), Do: wire.Fail, With: serverErrors[rnd.IntN(len(serverErrors))]}
	if n.spring(ctx, rnd.IntN(len(n.seats)), t) == nil {
		return "", 0
	}
	return serverError + "at " + t.Step.String(), 1
}

// killHolder kills whoever has a pool's lock, wherever it is in its unit; with
// the lock off, whoever runs a statement of one.
func killHolder(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	if !n.end(ctx, "KILL CONNECTION", n.holderOf(ctx, rnd)) {
		return "", 0
	}
	return holderKill + "anywhere", 1
}

func killQuery(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	if !n.end(ctx, "KILL QUERY", n.holderOf(ctx, rnd)) {
		return "", 0
	}
	return queryKill, 1
}

// killWaiter ends a wait for a lock.
func killWaiter(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	ids := n.sessions(ctx, func(s dbtest.Session) bool { return s.State == "User lock" })
	if len(ids) == 0 || !n.end(ctx, "KILL QUERY", ids[rnd.IntN(len(ids))]) {
		return "", 0
	}
	return waiterKill, 1
}

func (n *nemesis) end(ctx context.Context, how string, id int64) bool {
	if id == 0 {
		return false
	}
	_, err := n.admin.ExecContext(ctx, fmt.Sprint(how, " ", id))
	return err == nil
}

// inUnit are statements that nothing but units have.
var inUnit = regexp.MustCompile(`(?s)^\s*(UPDATE |INSERT INTO |COMMIT|START TRANSACTION|SET TRANSACTION|.*FOR UPDATE)`)

// holderOf is a session in the middle of a unit, or 0.
func (n *nemesis) holderOf(ctx context.Context, rnd *rand.Rand) int64 {
	var ids []int64
	if n.plan.lockOff {
		ids = n.sessions(ctx, func(s dbtest.Session) bool { return s.Command == "Query" && inUnit.MatchString(s.Info) })
	} else {
		name := n.lockName(poolName(rnd.IntN(n.plan.pools)))
		_ = n.admin.SelectContext(ctx, &ids, `SELECT IS_USED_LOCK(?) FROM DUAL WHERE IS_USED_LOCK(?) IS NOT NULL`, name, name)
	}
	if len(ids) == 0 {
		return 0
	}
	return ids[rnd.IntN(len(ids))]
}

// sessions are those in the cluster's schema that are like this.
func (n *nemesis) sessions(ctx context.Context, like func(dbtest.Session) bool) (ids []int64) {
	all, _ := dbtest.Sessions(ctx, n.admin)
	for _, s := range all {
		if s.DB == n.db.Schema && like(s) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// leaveAtStep holds a unit at a step, and meanwhile callers leave who wait for
// its pool at its instance.
func leaveAtStep(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	seat := rnd.IntN(len(n.seats))
	h := n.hold(ctx, seat, n.step(rnd), 100*time.Millisecond)
	if h == nil {
		return "", 0
	}
	_, name := n.seats[seat].now()
	left := n.load.flying.leave(name, h.Pool)
	_ = n.end(ctx, "KILL QUERY", h.session) // which ends the sleep, and nothing else
	return callersLeft + "at " + h.Step.String(), left
}

// cutAtStep cuts a connection around a packet of a unit.
func cutAtStep(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	cuts := []struct {
		do   wire.Action
		name string
	}{{wire.DropAndCut, "before the "}, {wire.DeliverAndCut, "behind the "}, {wire.Truncate, "in the middle of the "}}
	packets := []struct {
		step wire.Step
		name string
	}{{wire.BeforeLock, "read packet"}, {wire.BeforeWrite, "write packet"}, {wire.BeforeWrite, "write packet"}}
	c, p := cuts[rnd.IntN(len(cuts))], packets[rnd.IntN(len(packets))]
	if n.plan.lockOff && p.step == wire.BeforeLock {
		p.step = wire.BeforeFence
	}
	if n.spring(ctx, rnd.IntN(len(n.seats)), wire.Trap{Step: p.step, Do: c.do}) == nil {
		return "", 0
	}
	return cut + c.name + p.name, 1
}

func resetAll(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	return reset, n.seats[rnd.IntN(len(n.seats))].wire.Reset()
}

func delay(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	w := n.seats[rnd.IntN(len(n.seats))].wire
	w.Delay(time.Duration(1+rnd.IntN(100))*time.Millisecond, time.Duration(rnd.IntN(50))*time.Millisecond)
	pause(ctx, time.Duration(rnd.IntN(1500))*time.Millisecond)
	w.Delay(0, 0)
	return slow, 1
}

func silence(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	w := n.seats[rnd.IntN(len(n.seats))].wire
	w.Silence()
	pause(ctx, time.Duration(200+rnd.IntN(3000))*time.Millisecond)
	w.Heal()
	return silent, 1
}
