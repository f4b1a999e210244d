package traffic

import "time"

// service is one application that calls models, with its habits.
type service struct {
	Caller
	id        int
	weight    float64 // share of the traffic
	endpoint  string
	streams   float64 // share of streaming calls
	ids       idStyle
	idPrefix  string
	batches   bool // several prompts in one call
	templates int  // distinct prompt beginnings it reuses
	retries   int
	timeout   time.Duration
}

// idStyle is how a service fills X-Request-Id.
type idStyle int

const (
	noIDs idStyle = iota
	counterIDs
	uuidIDs
)

// services together are all callers; the weights add up to 1.
var services = []service{
	{
		Caller: Caller{Service: "chat-api", Operation: "POST /api/chat", Traced: true},
		id:     1, weight: 0.5, endpoint: ChatCompletions, streams: 0.8,
		ids: counterIDs, idPrefix: "req-", templates: 6, retries: 1, timeout: time.Minute,
	},
	{
		Caller: Caller{Service: "rag-app", Operation: "POST /ask", Traced: true, Retrieves: true},
		id:     2, weight: 0.3, endpoint: ChatCompletions, streams: 0.3,
		ids: uuidIDs, templates: 40, retries: 2, timeout: time.Minute,
	},
	{
		Caller: Caller{Service: "batch-scorer"},
		id:     3, weight: 0.13, endpoint: Completions,
		ids: counterIDs, idPrefix: "job-", batches: true, templates: 2, retries: 3, timeout: 5 * time.Minute,
	},
	{
		Caller: Caller{Service: "notebook"},
		id:     4, weight: 0.07, endpoint: ChatCompletions, streams: 0.5, timeout: 2 * time.Minute,
	},
}

func (g *Generator) pick() service {
	at := g.random.Float64()
	for _, s := range services {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	return services[len(services)-1]
}
