package history

import "fairlead/api/client"

// expected are the refusals that a call may get that asks for something
// sensible of a pool that is there.
var expected = map[Kind]map[client.ProblemCode]bool{
	Assign:   {client.ProblemCodeNoPlanner: true, client.ProblemCodeNoNumber: true, client.ProblemCodeKeyReused: true},
	Release:  {client.ProblemCodeAssignmentNotFound: true}, // judged with what callers knew: judgeChanging
	Void:     {client.ProblemCodeAssignmentNotFound: true},
	Reassign: {client.ProblemCodeAssignmentNotFound: true, client.ProblemCodeAssignmentOver: true, client.ProblemCodeNoPlanner: true},
	Touch:    {client.ProblemCodeNumberNotLive: true}, // judged with where it led: judgeCared
	Route:    {client.ProblemCodeNumberNotLive: true},
}

// judgeAnswered is about what a caller is told at all. A fault of the program
// (500), or a refusal that does not fit what was asked, says nothing true about
// the outcome (promise 7). And a key that has been answered is answered the
// same for ever, or refused as another's, whoever is active by then (promise 1).
func judgeAnswered(calls []Call, scenes []*scene, v *verdict) {
	known := map[[2]string]int{} // by pool and key, the first call that was answered
	for i := range calls {
		if c := &calls[i]; c.Kind == Assign && c.Key != "" && c.Outcome() == Done {
			k := [2]string{c.Pool, c.Key}
			if first, ok := known[k]; !ok || c.Got < calls[first].Got {
				known[k] = i
			}
		}
	}
	failing := failingPools(scenes)
	for i := range calls {
		c := &calls[i]
		switch {
		case c.Status == 500:
			v.add(7, c.Pool, "client %d was answered 500 %s to its call to %s, sent at %v", c.Client, c.Code, c.Kind, c.Sent)
		case c.Status >= 400 && c.Status < 500 && !expected[c.Kind][c.Code]:
			v.add(7, c.Pool, "client %d was answered %d %s to its call to %s, sent at %v", c.Client, c.Status, c.Code, c.Kind, c.Sent)
		case c.Code == client.ProblemCodeNoNumber && doesWithout(c, failing[c.Pool]):
			v.add(7, c.Pool, "key %q was refused for want of a number, which it does not require (wish: %q)", c.Key, c.Wish)
		case c.Kind == Assign && c.Status == 409:
			if first, ok := known[[2]string{c.Pool, c.Key}]; ok && calls[first].Got < c.Sent {
				v.add(1, c.Pool, "key %q was answered, and later refused with %s", c.Key, c.Code)
			}
		}
	}
}

// failingPools are those that have refused, at some time, requests that do not
// say whether they need a number when none is free.
func failingPools(scenes []*scene) map[string]bool {
	failing := map[string]bool{}
	for _, s := range scenes {
		for i := range s.log {
			if c, ok := s.log[i].data.(*poolChanged); ok && c.OnExhausted == client.OnExhaustedFail {
				failing[s.name] = true
			}
		}
	}
	return failing
}

// doesWithout reports whether a request is answered although no number is free.
func doesWithout(c *Call, failing bool) bool {
	switch c.Wish {
	case client.AssignmentRequestNumberRequired:
		return false
	case "":
		return !failing
	}
	return true
}
