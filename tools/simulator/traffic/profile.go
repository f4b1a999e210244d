package traffic

// Profile names a traffic pattern.
type Profile string

// The profiles. Each is a row in the table below.
const (
	Steady      Profile = "steady"
	Burst       Profile = "burst"
	LongPrompts Profile = "long-prompts"
	Overload    Profile = "overload"
	Mixed       Profile = "mixed"
)
