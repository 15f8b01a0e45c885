package history

import (
	"fmt"

	"fairlead/api/client"
)

// judgeKeys is promise 1: at most one assignment for each key.
func judgeKeys(s *scene, v *verdict) {
	for i := range s.Assignments {
		a := &s.Assignments[i]
		if first := s.kept[a.Key]; first != a {
			v.add(1, s.name, "key %q has two assignments, seq %d and %d", a.Key, first.Seq, a.Seq)
		}
		if first := s.byID[a.ID]; first != a {
			v.add(1, s.name, "id %s has two assignments, seq %d and %d", a.ID, first.Seq, a.Seq)
		}
	}
	for _, k := range s.keys {
		judgeAnswers(s, k, v)
		judgeReuse(s, k, v)
	}
}

// judgeAnswers wants one answer for a key, however often it was given, and for
// one body only.
func judgeAnswers(s *scene, k *asked, v *verdict) {
	first, maker := k.answered(), k.maker()
	for _, c := range k.calls {
		if c.Outcome() != Done || c.Answer == nil {
			continue
		}
		if c.Answer.Key != k.key || c.Answer.Customer != c.Customer {
			v.add(1, s.name, "key %q for %q was answered with key %q for %q", k.key, c.Customer, c.Answer.Key, c.Answer.Customer)
		}
		if c == first {
			continue
		}
		if first.Answer != nil && differ(first.Answer, c.Answer) != "" {
			v.add(1, s.name, "key %q was answered twice, with %s", k.key, differ(first.Answer, c.Answer))
		}
		if c.body() != first.body() {
			v.add(1, s.name, "key %q was accepted for %v and for %v", k.key, first.body(), c.body())
		}
		if !c.Replayed && c != maker {
			v.add(1, s.name, "key %q was told twice that it made seq %d", k.key, c.Answer.Seq)
		}
	}
}

// judgeReuse wants a key that was refused as another's to belong to an
// assignment that was asked for with another body.
func judgeReuse(s *scene, k *asked, v *verdict) {
	first := k.answered()
	for _, c := range k.calls {
		switch {
		case c.Code != client.ProblemCodeKeyReused:
		case s.kept[k.key] == nil:
			v.add(1, s.name, "key %q was refused as used, and has no assignment", k.key)
		case first != nil && first.body() == c.body():
			v.add(1, s.name, "key %q was refused for the body that it was accepted for, %v", k.key, c.body())
		}
	}
}

// differ says in what two sights of one assignment differ that should never
// change. It is empty if they do not.
func differ(a, b *client.Assignment) string {
	switch {
	case a.ID != b.ID:
		return fmt.Sprintf("id %s and %s", a.ID, b.ID)
	case a.Pool != b.Pool:
		return fmt.Sprintf("pool %s and %s", a.Pool, b.Pool)
	case a.Seq != b.Seq:
		return fmt.Sprintf("seq %d and %d", a.Seq, b.Seq)
	case a.Planner != b.Planner:
		return fmt.Sprintf("planner %v and %v", a.Planner, b.Planner)
	case text(a.Number) != text(b.Number):
		return fmt.Sprintf("number %q and %q", text(a.Number), text(b.Number))
	case a.Customer != b.Customer:
		return fmt.Sprintf("customer %q and %q", a.Customer, b.Customer)
	case a.Key != b.Key:
		return fmt.Sprintf("key %q and %q", a.Key, b.Key)
	case !a.AssignedAt.Equal(b.AssignedAt):
		return fmt.Sprintf("assigned_at %v and %v", a.AssignedAt, b.AssignedAt)
	}
	return ""
}

// text is s, empty for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
