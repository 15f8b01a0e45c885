package history

import "time"

// maxWait is how long the service lets any call wait.
const maxWait = 10 * time.Second

// judgePatience is promise 9: no call waits past its deadline.
func judgePatience(calls []Call, o Options, v *verdict) {
	for i := range calls {
		c := &calls[i]
		deadline := maxWait
		if c.Timeout > 0 {
			deadline = min(deadline, c.Timeout)
		}
		waited, allowed := c.Got-c.Sent, deadline+o.Slack
		if waited > allowed && o.Grace != nil {
			allowed += o.Grace(*c)
		}
		if waited <= allowed {
			continue
		}
		v.add(9, c.Pool, "client %d waited %v for the answer %d to its call to %s, sent at %v with a deadline of %v", c.Client, waited, c.Status, c.Kind, c.Sent, deadline)
	}
}
