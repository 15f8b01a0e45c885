package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"fairlead/api/client"
)

// short is a world whose pools can be searched.
var short = worldConfig{calls: 1200, clients: 12, pools: 2, planners: 5, numbers: 20, unknown: 60, other: 30}

func TestCorrectHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			c := short
			c.seed = uint64(seed)
			w := c.live()
			for _, p := range w.tables() {
				began := time.Now()
				if err := Linearizable(w.calls, p); err != nil {
					t.Error(err)
				}
				t.Logf("%s: %d positions in %v", p.Row.Pool, p.Row.Seq, time.Since(began))
			}
		})
	}
}

// A correct history is not searched for an order, however many clients there
// are: the one to begin with does.
func TestSearchBeginsWithTheAnswer(t *testing.T) {
	t.Parallel()
	for _, clients := range []int{1, 16, 64, 256} {
		c := short
		c.clients, c.pools = clients, 1
		w := c.live()
		start, operations, err := operationsOf(scenesOf(w.calls, w.tables())[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := search(start, operations, inOrder); got != porcupine.Ok {
			t.Errorf("%d clients: the order to begin with is %s", clients, got)
		}
	}
}

func TestOtherHistoriesAreNot(t *testing.T) {
	t.Parallel()
	for _, s := range []spoiling{
		{name: "two planners swapped", says: "no order explains", spoil: func(r *run) {
			a := r.lone()
			b := r.loneThat(func(b *Call) bool {
				return b.Pool == a.Pool && b.Answer.Planner != a.Answer.Planner && b.Sent > a.Got+2*time.Second
			})
			a.Answer.Planner, b.Answer.Planner = b.Answer.Planner, a.Answer.Planner
		}},
		{name: "an unknown one to somebody else", says: "no order explains", spoil: func(r *run) {
			c := r.lone()
			a := r.row(c.Answer.ID)
			c.Status, c.Answer = 0, nil
			if a.Planner.ID == "p000" {
				a.Planner.ID = "p001"
			} else {
				a.Planner.ID = "p000"
			}
		}},
		{name: "a switch that was lost", says: "no order explains", spoil: func(r *run) {
			c := r.lone()
			r.add(Call{Kind: Switch, Pool: c.Pool, Planner: "p000", Sent: c.Sent, Got: c.Got, Status: 200})
		}},
		{name: "nobody active among others who are", says: "no order explains", spoil: func(r *run) {
			c := *r.lone()
			c.Key, c.Answer, c.Status, c.Code = "new", nil, 409, client.ProblemCodeNoPlanner
			r.add(c)
		}},
		{name: "a planner that is not there", says: "whom the pool does not have", spoil: func(r *run) { r.lone().Answer.Planner.ID = "somebody" }},
		{name: "more than can be searched", says: "too many to search", spoil: func(r *run) {
			for n := range maxOperations {
				r.add(Call{Kind: Assign, Pool: "pool-0", Key: fmt.Sprint("new ", n), Status: 409, Code: client.ProblemCodeNoPlanner})
			}
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := s.run(t)
			refused := slices.IndexFunc(r.pools, func(p Pool) bool {
				err := Linearizable(r.calls, p)
				return err != nil && strings.Contains(err.Error(), s.says)
			})
			if refused < 0 {
				t.Errorf("no pool was refused for %q", s.says)
			}
		})
	}
}

// Seq is where the search begins, and is not believed.
func TestLinearizableLooksAtTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                     string
		first, second            span // of the calls that p000 and p001 got
		firstSeq, secondSeq      int64
		secondStatus, thenStatus int
		want                     string // the error says so; empty: there is none
	}{
		{"in order", span{0, 1}, span{2, 3}, 3, 4, 201, 201, ""},
		{"at the same time", span{0, 9}, span{0, 9}, 3, 4, 201, 201, ""},
		{"in the other order", span{2, 3}, span{0, 1}, 3, 4, 201, 201, "no order explains"},
		{"in order, with seq swapped", span{0, 1}, span{2, 3}, 4, 3, 201, 201, ""},
		{"unknown, and then there", span{0, 1}, span{0, 1}, 3, 4, 0, 201, ""},
		{"unknown, and not there, but its turn was taken", span{0, 1}, span{0, 1}, 3, 0, 0, 201, "no order explains"},
		{"the last has no time to wait for the unknown one", span{4, 5}, span{6, 7}, 3, 4, 0, 201, "no order explains"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := worldConfig{pools: 1, planners: 3}.create()
			give := func(key, planner string, seq int64, when span, status int) {
				a := client.Assignment{ID: key, Pool: "pool-0", Key: key, Seq: seq, Planner: client.AssignedPlanner{ID: planner}}
				c := Call{Kind: Assign, Pool: "pool-0", Key: key, Sent: when.from, Got: when.to, Status: status}
				if status == 201 {
					c.Answer = &a
				}
				w.calls = append(w.calls, c)
				if seq > 0 {
					w.pools[0].given = append(w.pools[0].given, &a)
				}
			}
			give("first", "p000", test.firstSeq, test.first, 201)
			give("second", "p001", test.secondSeq, test.second, test.secondStatus)
			give("third", "p002", 5, span{4, 5}, test.thenStatus)
			err := Linearizable(w.calls, w.tables()[0])
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
