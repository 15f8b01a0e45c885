package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A Level says how a check came out.
type Level string

const (
	// LevelOK means that there is nothing to do.
	LevelOK Level = "ok"

	// LevelWarning means that Fairlead works, and loses something that an
	// operator would miss; or that it could not be found out.
	LevelWarning Level = "warning"

	// LevelFailure means that the service refuses to start.
	LevelFailure Level = "failure"
)

// A Diagnosis is what one check of a database found.
type Diagnosis struct {
	Check string // its name, which stays the same
	Level Level
	Says  string // what was found
	Do    string // what to do about it: the statement or the setting; empty if nothing
}

// A Plan is how the service is going to be run, which decides about some of
// what a [Diagnosis] says. The rest of it is in [Options].
type Plan struct {
	// Instances is how many instances of this size share the database; 0 is 1.
	Instances int

	// MigrateOff means that the service does not bring the schema up to date.
	MigrateOff bool
}

// Diagnose looks at the database as the service will use it, and returns what
// each check found, in an order that stays the same. It changes nothing.
//
// An error means that the database could not be looked at, or no longer: what
// had been found until then comes with it.
func (s *Store) Diagnose(ctx context.Context, p Plan) ([]Diagnosis, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	f.plan = p
	var all []Diagnosis
	for _, c := range checks {
		v, err := c.look(ctx, s, f)
		if unanswered(err) {
			v, err = verdict{problems: []problem{warn("cannot tell: "+err.Error(), "ask with an account that may look there")}}, nil
		}
		if err != nil {
			return all, fmt.Errorf("look at %s: %w", c.name, err)
		}
		all = append(all, v.diagnosis(c.name))
	}
	return all, nil
}

// checks are all that a doctor looks at, in the order in which people read it.
var checks = []check{
	checkEngine, checkWriter, checkProxy, checkSession, checkIsolation, checkTimeouts, checkPacket, checkBinlog,
	checkDurability, checkLocks, checkPrivileges, checkMigrations, checkConnections, checkClock,
}

// A check is one thing to look at.
type check struct {
	name string
	look func(context.Context, *Store, facts) (verdict, error)
}

// judge is the look of a check that needs no more than the facts.
func judge(f func(facts) verdict) func(context.Context, *Store, facts) (verdict, error) {
	return func(_ context.Context, _ *Store, known facts) (verdict, error) { return f(known), nil }
}

// A verdict is what a check found: what is wrong, or that all is fine.
type verdict struct {
	fine     string // said if there is no problem
	problems []problem
}

// A problem is one thing that is wrong, and what to do about it.
type problem struct {
	level    Level
	says, do string
}

func warn(says, do string) problem { return problem{LevelWarning, says, do} }
func fail(says, do string) problem { return problem{LevelFailure, says, do} }

// note is the verdict of one problem.
func note(p problem) verdict { return verdict{problems: []problem{p}} }

func (v verdict) diagnosis(check string) Diagnosis {
	if len(v.problems) == 0 {
		return Diagnosis{Check: check, Level: LevelOK, Says: v.fine}
	}
	d := Diagnosis{Check: check, Level: LevelWarning}
	if slices.ContainsFunc(v.problems, problem.fails) {
		d.Level = LevelFailure
	}
	d.Says, d.Do = words(v.problems)
	return d
}

// refusal is the error that a failure is to a service, in the same words.
func (v verdict) refusal() error {
	failures := slices.DeleteFunc(slices.Clone(v.problems), func(p problem) bool { return !p.fails() })
	if len(failures) == 0 {
		return nil
	}
	says, do := words(failures)
	return fmt.Errorf("%w: %s; %s", ErrUnsuitable, says, do)
}

func (p problem) fails() bool { return p.level == LevelFailure }

// words are the sentences of several problems; what is to be done about more
// than one of them is said once.
func words(problems []problem) (says, do string) {
	var found, todo []string
	for _, p := range problems {
		found = append(found, p.says)
		if !slices.Contains(todo, p.do) {
			todo = append(todo, p.do)
		}
	}
	return strings.Join(found, "; "), strings.Join(todo, "; ")
}

// unanswered reports whether the server is well and will not, or cannot, say
// what it was asked.
func unanswered(err error) bool {
	n, said := number(err)
	return said && (denied[n] || !passing[n])
}

// denied are the server's errors that say that an account may not do something.
var denied = map[uint16]bool{
	1044: true, // ER_DBACCESS_DENIED_ERROR
	1142: true, // ER_TABLEACCESS_DENIED_ERROR
	1143: true, // ER_COLUMNACCESS_DENIED_ERROR
	1227: true, // ER_SPECIFIC_ACCESS_DENIED_ERROR
	1370: true, // ER_PROCACCESS_DENIED_ERROR
}
