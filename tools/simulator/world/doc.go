// Package world knows what other people's installations do to the telemetry of a vLLM fleet: lines that come twice, clocks that
// are off, traces that are sampled, clusters that share names. A World changes what the simulated fleet ships, and knows what of
// the truth can then still be told. `vllm-sim -world a,b` and tools/integration/worlds use them.
//
// To add worlds, write a file of your own in this package:
//
//	func init() {
//		Add(World{
//			Name: "lines_shout", Doc: "A log agent writes every line in capitals.", Source: "example/agent#1",
//			Pipeline: func(*rand.Rand) simulator.Pipeline {
//				return simulator.Pipeline{Line: func(l telemetry.LogLine, ship func(telemetry.LogLine)) {
//					l.Text = strings.ToUpper(l.Text)
//					ship(l)
//				}}
//			},
//			Names:       []string{"lines_unread"}, // checks of Save & test that must name the matter
//			Undecidable: []Undecidable{{Columns: []string{"log_lines"}, Why: "ids are case-sensitive"}},
//		})
//	}
//
// What a pipeline leaves out is lost in the truth by itself. Then run the world against real stores:
//
//	cd tools && go test -tags integration -count=1 -run 'TestWorlds/lines_shout' -v ./integration/worlds
//
// Several worlds compose: -run cannot name pairs, but VLLM_WORLDS=lines_shout+log_clock_late_7s runs that one together.
package world
