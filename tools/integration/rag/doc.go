// Package rag asks the example application of examples/rag-app questions, with the simulated fleet behind it, and holds
// the rows that the plugin makes of them to what the application and the fleet themselves measured. Its tests run with
// -tags integration.
package rag
