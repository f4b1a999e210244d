// Package events owns what counts as an event of an engine's life, such as a restart, a death or a preemption storm: the
// catalogue, the thresholds, and the pure derivation from evidence. It does no I/O, reads no clock and logs nothing; it must
// not know stores, their languages or frames.
package events
