// Package live tests the streams of the built plugin on a fleet that lives
// while they are watched.
package live
