package query

import "github.com/llmserving/grafana-vllm-datasource/pkg/events"

// AnnotationsSpec asks what happened to engines: restarts, deaths, storms and the like.
type AnnotationsSpec struct {
	Events []events.Type `json:"events,omitempty"` // empty = all
	Limit  int           `json:"limit,omitempty"`  // 0 = DefaultEvents
}

func (s *AnnotationsSpec) check() error {
	if s.Limit < 0 || s.Limit > MaxEvents {
		return wrong("annotations.limit", "%d is not between 1 and %d", s.Limit, MaxEvents)
	}
	if s.Limit == 0 {
		s.Limit = DefaultEvents
	}
	for _, t := range s.Events {
		if _, ok := events.Catalogue.Find(t); !ok {
			return wrong("annotations.events", "%q is none of %s", clip(string(t)), listed(events.Catalogue.Keys()))
		}
	}
	if len(s.Events) == 0 {
		s.Events = events.Catalogue.Keys()
	}
	return nil
}
