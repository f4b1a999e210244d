// Package traffic invents the calls a fleet receives: when, by whom, how long
// the prompts are, who gives up, who retries, who asks for nonsense. It is a
// seeded stream and knows nothing of engines or telemetry.
package traffic
