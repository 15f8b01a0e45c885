package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

// Every wish in every kind of pool that has no number left, and what the refusal
// says: how the numbers stand, and when the next one comes back.
func TestLifeExhausted(t *testing.T) {
	t.Parallel()
	for _, onExhausted := range []string{"fail", "assign_without"} {
		t.Run(onExhausted, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, fmt.Sprintf(`{"cooldown_seconds": 3600, "on_exhausted": %q}`, onExhausted), 2, 4)
			l.care(lifeNumber(2), "drain")
			l.care(lifeNumber(3), "suspend")
			first, _ := l.assign(""), l.assign("")
			ended := *l.release(first).ReleasedAt

			without := map[string]bool{"": onExhausted == "assign_without", `{"number": null}`: onExhausted == "assign_without",
				`{"number": "preferred"}`: true, `{"number": "none"}`: true, `{"number": "required"}`: false}
			open := int64(1)
			for wish, may := range without {
				if may {
					if a := l.assign(wish); a.Number != nil {
						t.Errorf("%s in a pool without numbers has got %s", wish, *a.Number)
					}
					open++
					continue
				}
				var p client.Problem
				l.unchanged(func() { p = l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", wish) })
				want := client.NumbersByState{Active: 1, Cooling: 1, Draining: 1, Suspended: 1}
				if diff := cmp.Diff(&want, p.Numbers); diff != "" {
					t.Errorf("%s is refused with numbers (-want +got):\n%s", wish, diff)
				}
				if p.NextFreeAt == nil || !p.NextFreeAt.Equal(ended.Add(time.Hour)) {
					t.Errorf("%s is told to come back at %v, want an hour from %v", wish, p.NextFreeAt, ended)
				}
			}
			l.counts(open, client.PoolNumbers{Active: 1, Cooling: 1, Draining: 1, Suspended: 1})
			l.well()
		})
	}
}

// A pool whose numbers never come back by themselves says that, too.
func TestLifeExhaustedForever(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"on_exhausted": "fail"}`, 1, 1)
	l.assign("")
	status, text := l.said("POST", "/v1/pools/"+lifePool+"/assignments", "")
	if status != 409 || !containsAll(string(text), `"code":"no_number"`, `"next_free_at":null`) {
		t.Errorf("%d %s", status, text)
	}
	l.well()
}

// The number is really back at the time that the refusal said, and not before:
// after a release, and after a time that ends by itself.
func TestLifeComesBackWhenItWasSaid(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"released": `{"cooldown_seconds": 2, "on_exhausted": "fail"}`,
		"expired":  `{"cooldown_seconds": 1, "number_ttl_seconds": 1, "on_exhausted": "fail"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, settings, 2, 1, neverExpire)
			first := l.assign("")
			since := first.AssignedAt
			if name == "released" {
				since = *l.release(first).ReleasedAt
			}
			p := l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", "")
			if p.NextFreeAt == nil || !p.NextFreeAt.Equal(since.Add(2*time.Second)) {
				t.Fatalf("told to come back at %v, want two seconds from %v", p.NextFreeAt, since)
			}
			refusals := 0
			var second client.Assignment
			await(t, "the number is back", 30*time.Second, func() bool {
				status, text := l.said("POST", "/v1/pools/"+lifePool+"/assignments", "")
				if status == 201 {
					second = unmarshal[client.Assignment](t, text)
					return true
				}
				again := unmarshal[client.Problem](t, text)
				if refusals++; status != 409 || again.NextFreeAt == nil || !again.NextFreeAt.Equal(*p.NextFreeAt) {
					t.Fatalf("told %v, and then: %d %s", p.NextFreeAt, status, text)
				}
				return false
			})
			if second.AssignedAt.Before(*p.NextFreeAt) || *second.Number != *first.Number || refusals == 0 {
				t.Errorf("given again at %v after %d refusals, said was %v", second.AssignedAt, refusals, p.NextFreeAt)
			}
			l.well()
		})
	}
}

// Of the free numbers the one goes out that has been free for longest, and not
// the smallest.
func TestLifeLongestFreeFirst(t *testing.T) {
	t.Parallel()
	l := newLife(t, "{}", 1, 3)
	var got []string // as JSON, in which none is null
	a, b, c := l.assign(""), l.assign(""), l.assign("")
	for _, one := range []client.Assignment{b, c, a} {
		l.release(one)
	}
	for range 3 {
		got = append(got, jsonOf(l.assign("").Number))
	}
	if diff := cmp.Diff([]string{jsonOf(b.Number), jsonOf(c.Number), jsonOf(a.Number)}, got); diff != "" {
		t.Errorf("numbers that were given back come in this order (-want +got):\n%s", diff)
	}
	l.well()
}
