package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"fairlead/api/client"
)

// A line of a file holds one thing. What belongs to a pool follows the pool's
// own line.
type line struct {
	Call       *Call              `json:"call,omitempty"`
	Pool       *client.Pool       `json:"pool,omitempty"`
	Assignment *client.Assignment `json:"assignment,omitempty"`
	Event      *client.Event      `json:"event,omitempty"`
	Planner    *client.Planner    `json:"planner,omitempty"`
	Number     *client.Number     `json:"number,omitempty"`
}

// WriteFile keeps a run as JSON lines, for [ReadFile] and for grep.
func WriteFile(path string, calls []Call, pools []Pool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	err = errors.Join(write(json.NewEncoder(b), calls, pools), b.Flush(), f.Close())
	if err != nil {
		return fmt.Errorf("keep history: %w", err)
	}
	return nil
}

func write(e *json.Encoder, calls []Call, pools []Pool) error {
	var err error
	put := func(l line) {
		if err == nil {
			err = e.Encode(l)
		}
	}
	for i := range calls {
		put(line{Call: &calls[i]})
	}
	for _, p := range pools {
		put(line{Pool: &p.Row})
		for i := range p.Planners {
			put(line{Planner: &p.Planners[i]})
		}
		for i := range p.Numbers {
			put(line{Number: &p.Numbers[i]})
		}
		for i := range p.Assignments {
			put(line{Assignment: &p.Assignments[i]})
		}
		for i := range p.Events {
			put(line{Event: &p.Events[i]})
		}
	}
	return err
}

// ReadFile reads what [WriteFile] wrote.
func ReadFile(path string) (calls []Call, pools []Pool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var l line
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return calls, pools, nil
		case err != nil:
			return nil, nil, fmt.Errorf("read history %s: %w", path, err)
		}
		switch {
		case l.Call != nil:
			calls = append(calls, *l.Call)
		case l.Pool != nil:
			pools = append(pools, Pool{Row: *l.Pool})
		case len(pools) == 0:
			return nil, nil, fmt.Errorf("read history %s: a row of no pool", path)
		default:
			pools[len(pools)-1].add(l)
		}
	}
}

func (p *Pool) add(l line) {
	switch {
	case l.Assignment != nil:
		p.Assignments = append(p.Assignments, *l.Assignment)
	case l.Event != nil:
		p.Events = append(p.Events, *l.Event)
	case l.Planner != nil:
		p.Planners = append(p.Planners, *l.Planner)
	case l.Number != nil:
		p.Numbers = append(p.Numbers, *l.Number)
	}
}
