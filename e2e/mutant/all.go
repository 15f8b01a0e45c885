package mutant

import "slices"

// All is every mutant that a run under load and faults must catch.
var All = slices.Concat(exclusion, outcomes, rules, numbers, limits)
