// Package binary tests the built plugin as a process, where no store is
// needed: handshake, settings, errors, end.
package binary
