// Package stores tests that the real servers of package stack do what the
// other integration tests take for granted.
package stores
