// Package workflows holds the files in .github: that they are valid, that the workflows run what README.md and CONTRIBUTING.md tell
// people to run, and that updates of dependencies leave nothing out.
package workflows
