// Package compose starts the real servers with the files that docker-compose.yml mounts into them. Tests run with -tags
// integration.
package compose
