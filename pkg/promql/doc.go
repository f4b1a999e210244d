// Package promql is PromQL without a store: the text of queries, in which every builder escapes what it is given, the names of vLLM's
// metrics that a store has, the grid of a range query, and results as plain values. It is pure. Package prometheus below pkg/fetch asks.
package promql
