// Package attainment says how well the requests of a window kept the limits of their models: from the requests themselves, all
// limits of each jointly (goodput), and from histogram buckets, one limit at a time; and which share of them passes a reader's
// own filters. What one request kept, package slo and package join say; here are counting, the error budget, and the text of queries
// for buckets. It is pure: package fetch asks.
package attainment
