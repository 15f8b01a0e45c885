package phone

import "fairlead/assign"

// What a number is about is sealed with it, and must be said again to open it.
// Ids have no byte 0, so no two of these are the same for two owners.

// AboutPlanner is for the phone of one planner.
func AboutPlanner(pool assign.PoolID, planner assign.PlannerID) string {
	return "planner\x00" + string(pool) + "\x00" + string(planner)
}

// AboutCustomer is for the phones of customers. It does not say of which
// assignment: a phone is sealed before the assignment has an id.
func AboutCustomer(pool assign.PoolID) string { return "customer\x00" + string(pool) }
