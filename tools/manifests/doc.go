// Package manifests holds deploy/kubernetes against the published Go types of its kinds, and its objects against each other. It
// is a module of its own, because those types are many and nothing else needs them.
package manifests
