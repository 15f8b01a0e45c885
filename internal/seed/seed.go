// Package seed reads planners and numbers from CSV files, and knows a demo
// pool.
package seed

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fairlead/assign"
)

// Planners reads planners: an id, and if there are more columns a name and
// whether the planner is active (true or false). A first line that says
// "id" or "planner" names the columns and is passed over, as is a byte order
// mark; a line that begins with # is a comment.
//
// An error lists what is wrong by line, and nothing is returned besides.
func Planners(r io.Reader) ([]assign.PlannerChange, error) {
	seen := map[assign.PlannerID]int{}
	return read(r, 3, []string{"id", "planner"}, func(line int, field []string) (assign.PlannerChange, error) {
		id, err := assign.ParsePlannerID("id", field[0])
		if err != nil {
			return assign.PlannerChange{}, err
		}
		if first, again := seen[id]; again {
			return assign.PlannerChange{}, fmt.Errorf("id %s is on line %d already", id, first)
		}
		seen[id] = line
		p := assign.PlannerChange{ID: id}
		if len(field) > 1 {
			name, err := assign.ParseText("name", field[1])
			if err != nil {
				return p, err
			}
			p.Name = &name
		}
		if len(field) > 2 {
			active, err := strconv.ParseBool(field[2])
			if err != nil {
				return p, errors.New("active must be true or false")
			}
			p.Active = &active
		}
		return p, nil
	})
}

// Numbers reads safe numbers, one a line, in a file as [Planners] takes it.
func Numbers(r io.Reader) ([]assign.Number, error) {
	return read(r, 1, []string{"number"}, func(_ int, field []string) (assign.Number, error) {
		return assign.ParseNumber("number", field[0])
	})
}

// maxProblems is how many bad lines one error lists.
const maxProblems = 20

func read[T any](r io.Reader, columns int, headers []string, parse func(line int, field []string) (T, error)) ([]T, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = true
	c.Comment = '#'
	var (
		values   []T
		problems []error
	)
	for first := true; len(problems) < maxProblems; first = false {
		field, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(append(problems, err)...) // the csv package names the line
		}
		field[0] = strings.TrimPrefix(field[0], "\ufeff")
		for i := range field {
			field[i] = strings.TrimSpace(field[i])
		}
		if first && isHeader(field[0], headers) {
			continue
		}
		line, _ := c.FieldPos(0)
		if len(field) > columns {
			problems = append(problems, fmt.Errorf("line %d: %d columns, at most %d are known", line, len(field), columns))
			continue
		}
		v, err := parse(line, field)
		if err != nil {
			// What is in it is not shown: it may be somebody's phone.
			problems = append(problems, fmt.Errorf("line %d: %w", line, err))
		}
		values = append(values, v)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return values, nil
}

func isHeader(s string, headers []string) bool {
	for _, h := range headers {
		if strings.EqualFold(s, h) {
			return true
		}
	}
	return false
}
