// Package figures has the key figures of vLLM per model, environment, instance or engine, as its metrics tell them. It is pure:
// definitions.go is the table of figures, plan.go writes the fewest queries that a Spec needs, calculation.go takes their results
// and computes a Result, which package frames shows. Package fetch asks.
//
// Unknown is NaN and never zero: "no errors" is 0, "no traffic" has no error ratio.
package figures
