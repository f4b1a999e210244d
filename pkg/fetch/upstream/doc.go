// Package upstream is the floor under the three store packages: one HTTP client per store, made of the SDK's, and one
// vocabulary for what can go wrong with a store, over HTTP and gRPC alike. It owns authentication, TLS, redirects, size
// ceilings, the clean error message, and the metrics and spans of single calls. It must not know what is asked.
package upstream
