// Package grade holds the rows that the data source gives against the simulator's truth, cell by cell: what is missed, what is
// invented, what is wrong, and what is null although the evidence for it was in the stores.
package grade
