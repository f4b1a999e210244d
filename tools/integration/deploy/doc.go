// Package deploy starts the real servers with the files that docker-compose.yml and deploy/kubernetes mount into them. Tests run
// with -tags integration.
package deploy
