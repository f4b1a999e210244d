// Package openai is the HTTP API of vLLM's server as far as an application
// uses it: chat and text completions, streamed or whole, the list of models,
// health. It reads requests, lets the fleet work on them, and writes answers
// in vLLM's shapes; the words of an answer mean nothing.
//
//	request.go   the body → one call
//	handler.go   the routes, request ids, trace context
//	answer.go    what the fleet made of it → a body, or a stream of events
package openai
