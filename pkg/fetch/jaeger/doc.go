// Package jaeger asks a Jaeger query service over gRPC and gives back spans as values of package evidence.
//
// It owns the connection (TLS, credentials, tenant, limits), the two protocols (api_v2, and api_v3 where the server has
// it), the way past Jaeger's answer limit, and the translation of span attributes. It must not know frames, queries or
// the other stores. What a span means for a request is said in package vllm; what is done with it, in package join.
//
// Reading order: client.go, search.go, window.go, assemble.go, span.go.
package jaeger
