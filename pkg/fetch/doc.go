// Package fetch asks the three stores for what a join needs: in parallel where nothing depends on another's answer, and
// bounded by what another store's evidence allows where it does. It owns the order of asking and what happens when a store
// fails: the rest is kept, and the report says what is missing. It must not know frames or how rows are made.
package fetch
