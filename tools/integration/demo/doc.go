// Package demo tests the demo as its users meet it: one command, a picture with
// everything in it, and nothing left behind.
package demo
