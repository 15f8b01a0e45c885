package compare

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
)

// script hands out a turn in one step: Redis runs nothing else meanwhile. The
// planners are a sorted set by what they have, the keys a hash, the log a
// stream.
var script = redis.NewScript(`
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then
	return cjson.decode(known)
end
local planner = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
if not planner then
	return redis.error_reply('NOPLANNER nobody is in the pool')
end
local turn = tonumber(redis.call('ZINCRBY', KEYS[1], 1, planner))
local seq = redis.call('HINCRBY', KEYS[4], 'seq', 1)
redis.call('XADD', KEYS[3], '0-' .. seq, 'planner', planner, 'turn', turn, 'key', ARGV[1], 'id', ARGV[2], 'customer', '', 'at', ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode({planner, seq, turn}))
return {planner, seq, turn}
`)

// redisOptions reads an address: HOST:PORT, the path of a socket, or a URL.
func redisOptions(address string) (*redis.Options, error) {
	switch {
	case strings.Contains(address, "://"):
		o, err := redis.ParseURL(address)
		if whole := (*url.Error)(nil); errors.As(err, &whole) {
			err = whole.Err // the rest is the address, with its password
		}
		return o, err
	case strings.HasPrefix(address, "/"):
		return &redis.Options{Network: "unix", Addr: address}, nil
	case address != "" && !strings.Contains(address, ":"):
		return nil, fmt.Errorf("%q has no port; write HOST:6379", address)
	}
	return &redis.Options{Addr: address}, nil
}

// A redisServer is what the modes of the Redis design share.
type redisServer struct {
	client *redis.Client
	prefix string   // of all keys
	pools  []string // of all modes, as their keys have them

	former map[string]string // settings to restore; nil if none was changed
}

// silence keeps the library from writing to the program's error output what it
// returns as well. It has one log for the whole program.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// openRedis adds the design to the run: once as the server is, or, where that
// may be set, once for each appendfsync.
func (r *run) openRedis(ctx context.Context) error {
	silence()
	o, err := redisOptions(r.Redis)
	if err != nil {
		return err
	}
	o.PoolSize = slices.Max(r.Clients) // connections are cheap there: nobody waits for one
	s := &redisServer{client: redis.NewClient(o), prefix: scratchPrefix + strings.ToLower(rand.Text()[:10])}
	r.closers = append(r.closers, s.close)
	found, err := s.describe(ctx)
	if err != nil {
		return err
	}
	r.report.Redis = &found
	if err := s.mustNotEvict(ctx); err != nil {
		return err
	}
	if !r.RedisSetFsync {
		mode := modeOf(found.Settings)
		if mode != "always" {
			r.warn(fmt.Sprintf("Redis is measured as it is (%s): what it answers may be lost when the machine stops; --redis-set-fsync measures it with appendfsync always too", modes[mode]))
		}
		r.designs = append(r.designs, &redisDesign{redisServer: s, mode: mode})
		return nil
	}
	if err := s.appendOn(ctx, found.Settings); err != nil {
		return err
	}
	if s.former["appendonly"] == "no" {
		r.warn("Redis has written an append-only file, with all that the server holds, and does not delete it when that is turned off again: do so by hand, since a later start with appendonly=yes would load it instead of what is newer")
	}
	for _, mode := range []string{"always", "everysec"} {
		r.designs = append(r.designs, &redisDesign{redisServer: s, mode: mode, set: true})
	}
	return nil
}

// modes are how a server keeps what it is told, for people.
var modes = map[string]string{
	"always":   "appendfsync always",
	"everysec": "appendfsync everysec",
	"no":       "appendfsync no",
	"memory":   "no append-only file",
	"unknown":  "it does not say how it keeps data",
}

func modeOf(settings []Setting) string {
	value := map[string]string{}
	for _, s := range settings {
		value[s.Name] = s.Value
	}
	_, known := modes[value["appendfsync"]]
	switch {
	case value["appendonly"] == "no":
		return "memory"
	case !known:
		return "unknown"
	}
	return value["appendfsync"]
}

// redisSettings decide what an answer is worth.
var redisSettings = []string{"appendonly", "appendfsync"}

func (s *redisServer) describe(ctx context.Context) (RedisServer, error) {
	info, err := s.client.Info(ctx, "server").Result()
	if err != nil {
		return RedisServer{}, fmt.Errorf("--redis: %w", err)
	}
	found := RedisServer{Version: infoValue(info, "redis_version")}
	for _, name := range redisSettings {
		// A server that does not let itself be asked is measured all the same.
		values, _ := s.client.ConfigGet(ctx, name).Result()
		found.Settings = append(found.Settings, Setting{name, values[name]})
	}
	return found, nil
}

// mustNotEvict refuses a server that would make room for our keys by deleting
// those of others.
func (s *redisServer) mustNotEvict(ctx context.Context) error {
	info, err := s.client.Info(ctx, "memory").Result()
	if err != nil {
		return fmt.Errorf("--redis: %w", err)
	}
	limit, policy := infoValue(info, "maxmemory"), infoValue(info, "maxmemory_policy")
	if limit == "" || limit == "0" || policy == "noeviction" {
		return nil
	}
	return fmt.Errorf("--redis: the server deletes keys of others when its memory is full (maxmemory=%s, maxmemory-policy=%s); take one with noeviction, or without a limit", limit, policy)
}

// infoValue returns what INFO says of name, or "".
func infoValue(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// appendOn turns the append-only file on, and remembers how things were.
func (s *redisServer) appendOn(ctx context.Context, settings []Setting) error {
	former := map[string]string{}
	for _, setting := range settings {
		if setting.Value == "" {
			return errors.New("--redis-set-fsync: the server does not say what its settings are, so they could not be restored; leave the flag out")
		}
		former[setting.Name] = setting.Value
	}
	s.former = former
	if err := s.client.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		return fmt.Errorf("--redis-set-fsync: the server does not let itself be set; leave the flag out: %w", err)
	}
	return s.awaitAppending(ctx)
}

// awaitAppending returns when the server has written its first append-only
// file, which it does beside its other work.
func (s *redisServer) awaitAppending(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := s.client.Info(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		if infoValue(info, "aof_rewrite_in_progress") == "0" && infoValue(info, "aof_rewrite_scheduled") == "0" {
			if status := infoValue(info, "aof_last_bgrewrite_status"); status != "ok" {
				return fmt.Errorf("--redis-set-fsync: the server could not write its append-only file: aof_last_bgrewrite_status is %q", status)
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close removes the keys and restores the settings, whatever has happened.
func (s *redisServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var errs []error
	for _, pool := range s.pools {
		err := insist(ctx, func() error { return s.client.Unlink(ctx, s.keys(pool)...).Err() })
		if err != nil {
			errs = append(errs, fmt.Errorf("keys that begin with %s are left behind, delete them by hand: %w", s.prefix, err))
		}
	}
	for _, name := range redisSettings {
		value, ok := s.former[name]
		if !ok {
			continue
		}
		err := insist(ctx, func() error { return s.client.ConfigSet(ctx, name, value).Err() })
		if err != nil {
			errs = append(errs, fmt.Errorf("the server's %s is not restored, set it to %q by hand: %w", name, value, err))
		}
	}
	return errors.Join(append(errs, s.client.Close())...)
}

// keys are a pool's. What is in braces decides where in a cluster they are.
func (s *redisServer) keys(pool string) []string {
	base := s.prefix + ":{" + pool + "}:"
	return []string{base + "planners", base + "keys", base + "log", base + "pool"}
}

// redisDesign is the script, in one mode of the server.
type redisDesign struct {
	*redisServer
	mode string
	set  bool // the mode is to be set, and not just found
}

func (d *redisDesign) name() string  { return RedisScript + "-" + d.mode }
func (d *redisDesign) title() string { return titles[RedisScript] + ", " + modes[d.mode] }

// own is the design's name for a pool: each mode has a pool of its own.
func (d *redisDesign) own(pool string) string { return d.mode + "-" + pool }

func (d *redisDesign) begin(ctx context.Context) error {
	if !d.set {
		return nil
	}
	return d.client.ConfigSet(ctx, "appendfsync", d.mode).Err()
}

func (d *redisDesign) add(ctx context.Context, pool string, planners []string) error {
	d.pools = append(d.pools, d.own(pool))
	members := make([]redis.Z, len(planners))
	for i, p := range planners {
		members[i].Member = p
	}
	if err := d.client.ZAdd(ctx, d.keys(d.own(pool))[0], members...).Err(); err != nil {
		return err
	}
	return script.Load(ctx, d.client).Err()
}

func (d *redisDesign) assign(ctx context.Context, pool, key string) (a answer, err error) {
	at := time.Now().UnixMicro()
	got, err := script.Run(ctx, d.client, d.keys(d.own(pool)), key, ulid.Make().String(), at).Slice()
	if err != nil {
		return a, err
	}
	if len(got) == 3 {
		var planner, seq, turn bool
		a.planner, planner = got[0].(string)
		a.seq, seq = got[1].(int64)
		a.turn, turn = got[2].(int64)
		if planner && seq && turn {
			return a, nil
		}
	}
	return a, fmt.Errorf("the script answers %v", got)
}

// chunk is how much of the log is read at once.
const chunk = 5000

func (d *redisDesign) ledger(ctx context.Context, pool string) (ledger, error) {
	l := ledger{ordered: true, counts: map[string]int64{}}
	keys := d.keys(d.own(pool))
	members, err := d.client.ZRangeWithScores(ctx, keys[0], 0, -1).Result()
	if err != nil {
		return l, err
	}
	for _, m := range members {
		l.counts[m.Member.(string)] = int64(m.Score)
	}
	for from := "-"; ; {
		entries, err := d.client.XRangeN(ctx, keys[2], from, "+", chunk).Result()
		if err != nil || len(entries) == 0 {
			return l, err
		}
		for _, e := range entries {
			r, err := recordOf(e)
			if err != nil {
				return l, err
			}
			l.records = append(l.records, r)
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

// recordOf reads an entry of the log, whose id is "0-" and the position.
func recordOf(e redis.XMessage) (r record, err error) {
	var planner, key, turn bool
	var text string
	r.planner, planner = e.Values["planner"].(string)
	r.key, key = e.Values["key"].(string)
	text, turn = e.Values["turn"].(string)
	if !planner || !key || !turn {
		return r, fmt.Errorf("entry %s of the log is %v", e.ID, e.Values)
	}
	var errs [2]error
	r.seq, errs[0] = strconv.ParseInt(strings.TrimPrefix(e.ID, "0-"), 10, 64)
	r.turn, errs[1] = strconv.ParseInt(text, 10, 64)
	return r, errors.Join(errs[:]...)
}

// busy is how many connections are in use just now.
func (d *redisDesign) busy() int {
	s := d.client.PoolStats()
	return int(s.TotalConns) - int(s.IdleConns)
}
