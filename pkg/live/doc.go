// Package live follows queries: it polls the same moving window again and again, and sends each viewer of a channel what changed: rows
// that are new, rows that say more than before, rows that are gone. tail.go and reach.go compute that and do no I/O; watch.go asks,
// stream.go sends, streams.go bounds how many run.
package live
