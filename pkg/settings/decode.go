package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// The types here decode what was meant: when Grafana expands $VAR in a provisioned string, a result that looks like a number
// or a bool changes its JSON type, and a form field brings a number as text.

// text takes strings, numbers and bools as they are written; null is empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	switch {
	case bytes.Equal(data, []byte("null")):
	case data[0] == '"':
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
	case data[0] == '{' || data[0] == '[':
		return fmt.Errorf("got %s where text belongs", shape(data))
	default:
		s = string(data)
	}
	*t = text(s)
	return nil
}

func (t text) or(fallback string) string {
	if t == "" {
		return fallback
	}
	return string(t)
}

// flag takes true, "true", 1 and their opposites; empty and null are false.
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	if t == "" {
		*f = false
		return nil
	}
	value, err := strconv.ParseBool(string(t))
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", string(t))
	}
	*f = flag(value)
	return nil
}

// duration takes "30s" and the like; a bare number is seconds, as in Grafana's own timeout field.
type duration time.Duration

func (d *duration) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	if t == "" {
		*d = 0
		return nil
	}
	if seconds, err := strconv.ParseFloat(string(t), 64); err == nil {
		if math.IsNaN(seconds) || math.Abs(seconds) > math.MaxInt32 {
			return fmt.Errorf("%q is no duration", string(t))
		}
		*d = duration(seconds * float64(time.Second))
		return nil
	}
	value, err := time.ParseDuration(string(t))
	if err != nil {
		return fmt.Errorf("%q is no duration such as 30s or 2m", string(t))
	}
	*d = duration(value)
	return nil
}

// or gives the fallback for what was not saved or saved empty; a negative duration stays, for Validate to refuse.
func (d *duration) or(fallback time.Duration) time.Duration {
	if d == nil || *d == 0 {
		return fallback
	}
	return time.Duration(*d)
}

// latency takes "500ms" and the like. A bare number is refused, unlike elsewhere: benchmarks write latencies in
// milliseconds and other settings take seconds, so either guess would be a thousand times off for somebody.
type latency time.Duration

func (l *latency) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	if t == "" {
		*l = 0
		return nil
	}
	value, err := time.ParseDuration(string(t))
	if err != nil {
		return fmt.Errorf("%q is no latency with its unit, such as 500ms or 2s", string(t))
	}
	*l = latency(value)
	return nil
}

// number takes numbers, also as text.
type number float64

func (n *number) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	if t == "" {
		*n = 0
		return nil
	}
	value, err := strconv.ParseFloat(string(t), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("%q is no number", string(t))
	}
	*n = number(value)
	return nil
}

func (n *number) or(fallback float64) float64 {
	if n == nil {
		return fallback
	}
	return float64(*n)
}

// integer takes whole numbers, also as text.
type integer int

func (n *integer) UnmarshalJSON(data []byte) error {
	var t text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	if t == "" {
		*n = 0
		return nil
	}
	value, err := strconv.ParseFloat(string(t), 64) // Grafana writes large numbers as 1e+06
	if err != nil || value != math.Trunc(value) || math.Abs(value) > math.MaxInt32 {
		return fmt.Errorf("%q is no whole number within reach", string(t))
	}
	*n = integer(value)
	return nil
}

func (n *integer) or(fallback int) int {
	if n == nil || *n == 0 {
		return fallback
	}
	return int(*n)
}

// shape names what stands where text belongs.
func shape(data []byte) string {
	if data[0] == '{' {
		return "an object"
	}
	return "a list"
}
