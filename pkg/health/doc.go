// Package health is Save & test: it asks each store whether it answers and what is in it, and says what is wrong and what to do.
package health
