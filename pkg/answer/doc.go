// Package answer has one file per kind of query: a question in, frames out. It asks through package fetch, and turns errors of the
// packages below into sentences for users. sources.go says which function answers which kind.
package answer
