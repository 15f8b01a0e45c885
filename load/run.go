package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A run is one load test under way.
type run struct {
	options  *Options
	name     string
	service  *service
	sender   func() send
	subjects []*subject
	findings findings
	began    time.Time

	mail  chan *batch
	empty sync.Pool
	meter *meter
	judge *judge
	watch watch
}

// Run makes a load test. When ctx ends it calls no more, and still settles,
// judges and reports; that takes some seconds. An error means that there is
// nothing to report: options that make no sense, or a service that cannot be
// used. What is wrong with a service that can be is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s, err := connect(&o)
	if err != nil {
		return nil, err
	}
	defer s.client.CloseIdleConnections()
	r := newRun(&o, s.sender)
	r.service = s
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	report := r.newReport()
	p, doubts := r.measure(ctx)
	report.Summary.Interrupted = ctx.Err() != nil
	report.Summary.NeverBegun = p.neverBegun()

	ctx = context.WithoutCancel(ctx)
	report.Summary.Settled, report.Summary.Unsettled = r.settle(ctx, doubts)
	replayed, failed := r.replay(ctx, report.Summary.Unsettled == 0)
	r.conclude(report, replayed, failed)
	return report, nil
}

func newRun(o *Options, sender func() send) *run {
	return &run{
		options: o, sender: sender, mail: make(chan *batch, 1024),
		name:  strconv.FormatInt(time.Now().Unix(), 36) + strconv.FormatInt(36+rand.Int64N(35*36), 36),
		empty: sync.Pool{New: func() any { return &batch{} }},
		watch: watch{tell: o.Progress},
	}
}

func (r *run) now() int64 { return int64(time.Since(r.began)) }

// prepare finds out whether the service can be used at all, and gets the pools.
func (r *run) prepare(ctx context.Context) (err error) {
	looking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = r.service.ask(looking, "GET", "/v1/pools?limit=1", nil, &struct{}{})
	refused := (*refusedError)(nil)
	switch {
	case errors.As(err, &refused) && refused.status == 401 && r.options.Token == "":
		return errors.New("the service wants a token: give it with --token or FAIRLEAD_LOAD_TOKEN")
	case errors.As(err, &refused) && refused.status == 401:
		return errors.New("--token: the service does not accept it")
	case err != nil:
		return fmt.Errorf("--target %s cannot be used: %w", r.options.Target, err)
	}
	r.subjects, err = subjects(ctx, r.service, r.options, r.name, func(done, total int64) {
		r.watch.say(Progress{Phase: Preparing, Done: done, Of: total})
	})
	return err
}

// measure lets all workers call, and returns when the last was answered. It
// returns the calls of which nothing is known.
func (r *run) measure(ctx context.Context) (*pacer, []request) {
	r.began = time.Now()
	r.judge = newJudge(r.subjects, &r.findings)
	r.meter = newMeter(int64(r.options.WarmUp))
	p := newPacer(ctx, r.options, r.now)
	workers := make([]*worker, r.options.Clients)
	for i := range workers {
		workers[i] = newWorker(r, i)
	}
	var calling sync.WaitGroup
	for _, w := range workers {
		calling.Go(func() { w.work(p) })
	}
	go func() {
		calling.Wait()
		close(r.mail)
	}()
	r.receive(workers, p)
	if p.count == 0 && ctx.Err() == nil {
		r.meter.last = max(r.meter.last, p.end) // also if the last answer came before
	}
	var doubts []request
	for _, w := range workers {
		doubts = append(doubts, w.doubts...)
	}
	return p, doubts
}

// tick is how often the judge looks how far it can judge.
const tick = 100 * time.Millisecond

// receive takes what workers hand over until they are done.
func (r *run) receive(workers []*worker, p *pacer) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	shown := int64(0)
	for {
		select {
		case b, more := <-r.mail:
			if !more {
				r.judge.end()
				return
			}
			r.take(b)
		case <-ticker.C:
			now := r.knownUntil(workers)
			r.takeAll()
			r.judge.known(now)
			r.meter.close(now)
			if at := r.now(); at-shown > int64(r.watch.pause()) {
				r.watch.say(r.progress(p, at, at-shown))
				shown = at
			}
		}
	}
}

// knownUntil is a time so that all calls that began before are done, and were
// handed over. It reads the clock first: a worker that is idle now will begin
// later than that.
func (r *run) knownUntil(workers []*worker) int64 {
	until := r.now()
	for _, w := range workers {
		until = min(until, w.oldest.Load())
	}
	return until
}

// takeAll takes what has been handed over so far.
func (r *run) takeAll() {
	for {
		select {
		case b, more := <-r.mail:
			if !more {
				return
			}
			r.take(b)
		default:
			return
		}
	}
}

func (r *run) take(b *batch) {
	for i := range b.records {
		r.meter.add(&b.records[i])
		r.judge.add(&b.records[i])
	}
	b.records = b.records[:0]
	r.empty.Put(b)
}

// settleTime is for how long calls that are in doubt are repeated while none of
// them is answered.
const settleTime = 30 * time.Second

// settle repeats what is in doubt until it is known. A repeated call waits
// behind the first if that is still under way, so what it says stays true.
func (r *run) settle(ctx context.Context, doubts []request) (settled, unsettled int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	standstill := time.AfterFunc(settleTime, cancel)
	defer standstill.Stop()
	var done, known atomic.Int64
	var judging sync.Mutex
	_ = inParallel(min(16, r.options.Clients), len(doubts), func(i int) error {
		rec, good := r.insist(ctx, &doubts[i])
		r.watch.say(Progress{Phase: Settling, Done: done.Add(1), Of: int64(len(doubts))})
		if !good && !rec.outcome.undecided() {
			return nil
		}
		known.Add(1)
		standstill.Reset(settleTime)
		if good {
			judging.Lock()
			defer judging.Unlock()
			r.judge.settled(&rec)
		}
		return nil
	})
	return known.Load(), int64(len(doubts)) - known.Load()
}

// insist makes a call until it is answered, or time is up.
func (r *run) insist(ctx context.Context, q *request) (rec record, good bool) {
	send := r.sender()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var p reply
		rec = record{kind: q.kind, pool: uint32(q.pool.index)}
		send(q, &p)
		if _, good = r.read(q, &p, &rec); good || rec.outcome.undecided() || rec.outcome == undocumented {
			return rec, good
		}
		select {
		case <-ctx.Done():
			return rec, false
		case <-time.After(pause):
		}
	}
}

// settled notes an assignment of which nothing was known while calls were made.
func (j *judge) settled(r *record) {
	if r.kind == release {
		return
	}
	j.judged++
	p := j.pools[r.pool]
	if p.claim(r.seq, r.sum) {
		p.count(r.planner)
	}
}

// replay goes through the logs of all pools. It says why if it cannot.
func (r *run) replay(ctx context.Context, whole bool) (done Replayed, err error) {
	var total, gone atomic.Int64
	for _, p := range r.judge.pools {
		total.Add(p.taken + p.start)
		if !p.own {
			total.Add(-p.start)
		}
	}
	var mu sync.Mutex
	err = inParallel(4, len(r.judge.pools), func(i int) error {
		one := newReplay(r.judge.pools[i], "load-"+r.name+"-", whole)
		err := one.read(ctx, r.service, func(n int64) {
			at := gone.Add(n)
			r.watch.say(Progress{Phase: Replaying, Done: at, Of: max(at, total.Load())})
		})
		mu.Lock()
		defer mu.Unlock()
		done.Pools++
		done.Assignments += one.done.Assignments
		done.Events += one.done.Events
		return err
	})
	return done, err
}
