package assign

import (
	"runtime"
	"testing"
	"time"
)

func TestGrowing(t *testing.T) {
	for name, test := range map[string]struct {
		follows         bool
		calls, before   int
		waited, typical time.Duration
		want            bool
	}{
		"first look":       {true, 1, 0, 0, time.Millisecond, true},
		"more than before": {true, 6, 5, 249 * time.Microsecond, time.Millisecond, true},
		"no unit before":   {false, 6, 5, 0, time.Millisecond, false},
		"nobody came":      {true, 5, 5, 0, time.Millisecond, false},
		"some left":        {true, 4, 5, 0, time.Millisecond, false},
		"everybody left":   {true, 0, 0, 0, time.Millisecond, false},
		"unit is full":     {true, maxUnitCalls, 5, 0, time.Millisecond, false},
		"time is up":       {true, 6, 5, 250 * time.Microsecond, time.Millisecond, false},
		"no unit ended":    {true, 6, 5, 0, 0, false},
	} {
		l := &line{follows: test.follows, typical: test.typical}
		for range test.calls {
			l.add(&entry{})
		}
		if got := l.growing(test.before, test.waited); got != test.want {
			t.Errorf("%s: growing is %t", name, got)
		}
	}
}

// With one processor, who gives it up lets the other run.
func TestUnitThatFollowsLetsOthersIn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var c Combiner
	l := &line{typical: time.Hour, follows: true}
	l.add(&entry{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			c.mu.Lock()
			l.add(&entry{})
			c.mu.Unlock()
			runtime.Gosched()
		}
	}()
	c.gather(l)
	c.mu.Lock()
	n := l.entries.Len()
	c.mu.Unlock()
	<-done
	if n == 1 {
		t.Error("nobody was let in")
	}
}
