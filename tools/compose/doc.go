// Package compose holds docker-compose.yml against the compose specification and against this repository. No container
// engine is needed for that.
package compose
