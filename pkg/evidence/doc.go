// Package evidence holds what the three stores said, as plain values: spans, log events, metric samples, and a report of
// what was asked and what was not seen. Fetch packages make them, join reads them. It does no I/O and knows no protocol.
//
// Unknown is not zero: float fields use NaN, counts use Unknown (-1), strings are empty.
package evidence
