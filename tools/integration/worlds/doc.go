// Package worlds asks the built plugin about each world of tools/simulator/world, in real stores, and holds every cell of every row
// and what Save & test says against the truth. It prints the table of all of them.
//
//	go test -tags integration -count=1 -v -run TestWorlds ./integration/worlds                        # all
//	go test -tags integration -count=1 -v -run 'TestWorlds/lines_twice$' ./integration/worlds         # one
//	VLLM_WORLDS=lines_twice+log_clock_late_7s go test -tags integration -count=1 -v -run TestWorlds ./integration/worlds  # two in one
//
// VLLM_PLUGIN names another build of the plugin, VLLM_WORLDS_TABLE a file that the table is written to as well.
package worlds
