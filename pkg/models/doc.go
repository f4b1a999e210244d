// Package models answers "how is each model doing": the key figures of vLLM per model, environment, instance or engine, from
// its metrics. catalogue.go is the table of figures, plan.go turns a Spec into the fewest queries, fetch.go runs them, and
// figures.go computes values from the answers. Values come out as a Result, which package frames shows.
//
// Unknown is NaN and never zero: "no errors" is 0, "no traffic" has no error ratio.
package models
