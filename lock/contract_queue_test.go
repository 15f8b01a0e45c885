package lock_test

import (
	"fmt"
	"testing"
	"time"
)

// TestContractQueue asks in which order waiters get the lock.
func TestContractQueue(t *testing.T) {
	t.Parallel()
	const order = "the order among instances: a pool's lock goes to who has waited longest"
	const overtake = "that a busy instance, which asks again at once, cannot starve the others"
	checkCells(t, []cell{
		{"40 waiters in the order of their coming", both(inOrder(40)), func(s *scene) string {
			return s.arrivals(40)
		}, order},
		{"release and ask again", answers{"0 x 20", "0 x 20", ""}, func(s *scene) string {
			return s.overtakes(20, func(a *actor) string {
				a.release()
				return a.get(s.lock, 0)
			})
		}, overtake},
		{"release and ask again in one packet", answers{"0 x 20", "0 x 20", ""}, func(s *scene) string {
			return s.overtakes(20, func(a *actor) string {
				return fmt.Sprint(a.results(`SELECT RELEASE_LOCK('` + s.lock + `'); SELECT GET_LOCK('` + s.lock + `', 0)`)[1])
			})
		}, overtake},
		{"who queued first, with more patience behind", both("1 0"), func(s *scene) string {
			a, b, c := s.session(), s.session(), s.session()
			a.take()
			p := b.queue()
			q := c.wait(forLock, `SELECT GET_LOCK(?, 1)`, s.lock)
			gaveUp := q.result()
			a.release()
			return p.result() + " " + gaveUp
		}, "that a wait that ran out takes nobody else's place"},
		{"wake-up", both("1 in time"), func(s *scene) string {
			return s.quickest(100*time.Millisecond, func() (string, time.Duration) {
				a, b := s.session(), s.session()
				a.take()
				p := b.queue()
				began := time.Now()
				a.release()
				got := p.result()
				took := time.Since(began)
				b.release()
				return got, took
			})
		}, "throughput: the next unit starts about a millisecond after the last one's release, not at the next tick of a poll"},
	})
}

func inOrder(n int) string {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return fmt.Sprint(list)
}

// arrivals has n sessions queue one after the other, each writing itself down
// while it has the lock, and returns what stands there in the end.
func (s *scene) arrivals(n int) string {
	table := s.table()
	s.do(`TRUNCATE ` + table)
	a := s.session()
	a.take()
	done := make(chan string, n)
	for i := range n {
		b := s.session()
		p := b.queue()
		go func() {
			got := p.result()
			if got == "1" {
				got = b.do(`INSERT INTO `+table+` (v) VALUES (?)`, i+1)
			}
			b.release()
			done <- got
		}()
	}
	a.release()
	for range n {
		if got := <-done; got != "ok" {
			return "a waiter has " + got
		}
	}
	var order []int
	if err := s.admin.SelectContext(s.t.Context(), &order, `SELECT v FROM `+table+` ORDER BY id`); err != nil {
		return failed(err)
	}
	return fmt.Sprint(order)
}

// overtakes has a holder pass its lock to a waiter and ask for it again at
// once, n times, and counts the answers.
func (s *scene) overtakes(n int, again func(*actor) string) string {
	a, b := s.session(packets), s.session()
	seen := map[string]int{}
	for range n {
		a.take()
		p := b.queue()
		seen[again(a)]++
		if got := p.result(); got != "1" {
			return "the waiter has " + got
		}
		b.release()
		a.do(`DO RELEASE_ALL_LOCKS()`)
	}
	if len(seen) > 1 {
		return fmt.Sprint(seen)
	}
	for got := range seen {
		return fmt.Sprintf("%s x %d", got, n)
	}
	return "nothing"
}
