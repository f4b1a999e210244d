// Sink shows the alerts of the demo on a page.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/sink"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address of the page, and of what posts alerts")
	flag.Parse()
	server := &http.Server{Addr: *listen, Handler: sink.New(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
