package prometheus

import "github.com/llmserving/grafana-vllm-datasource/pkg/evidence"

// Answer is what a query came to.
type Answer struct {
	Type     string // vector, matrix, scalar or string
	Series   []Series
	Warnings []string // the store's own, such as that part of it did not answer
}

// Series is one labelled sequence, ascending in time; a vector's and a scalar's have one sample.
type Series struct {
	Labels  map[string]string
	Samples []evidence.Sample
}

func decode(body []byte) (Answer, error) { return Answer{}, nil }
