package join

// ordinal is a place in one of the join's own slices, in four bytes: there are several for each of a million rows. The limits
// of pkg/settings keep what a join is given far below 2³¹.
func ordinal(i int) int32 { return int32(i) } // #nosec G115 -- bounded, see above
