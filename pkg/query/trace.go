package query

import (
	"regexp"
	"strings"
)

// TraceSpec asks for one trace.
type TraceSpec struct {
	TraceID string `json:"traceId"`
}

var hexID = regexp.MustCompile(`^[0-9a-fA-F]{1,32}$`)

func (s *TraceSpec) check() error {
	s.TraceID = strings.TrimSpace(s.TraceID)
	if !hexID.MatchString(s.TraceID) || strings.Trim(s.TraceID, "0") == "" {
		return wrong("trace.traceId", "%q is not a trace id: up to 32 hexadecimal digits", clip(s.TraceID))
	}
	s.TraceID = strings.ToLower(s.TraceID)
	return nil
}
