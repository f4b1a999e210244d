package jaeger

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// value is one attribute value. Exporters, collectors and storages change types on the way (an int becomes a string in
// Elasticsearch without tag types, a float without fraction becomes an int), so each reader below takes any of them.
type value struct {
	kind  valueKind
	text  string
	whole int64
	real  float64
	truth bool
}

type valueKind uint8

const (
	kindNone valueKind = iota // bytes, maps, and what is not known yet
	kindText
	kindWhole
	kindReal
	kindTruth
)

func textValue(s string) value  { return value{kind: kindText, text: s} }
func wholeValue(i int64) value  { return value{kind: kindWhole, whole: i} }
func realValue(f float64) value { return value{kind: kindReal, real: f} }
func truthValue(b bool) value   { return value{kind: kindTruth, truth: b} }
func (v value) isTrue() bool {
	return v.truth || v.kind == kindText && strings.EqualFold(v.text, "true")
}
func (v value) seconds() float64 { return v.measure() }

// measure reads a finite number that is not negative; NaN when there is none.
func (v value) measure() float64 {
	f := math.NaN()
	switch v.kind {
	case kindWhole:
		f = float64(v.whole)
	case kindReal:
		f = v.real
	case kindText:
		if parsed, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64); err == nil {
			f = parsed
		}
	}
	if f < 0 || math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// count reads a whole number that is not negative; evidence.Unknown when there is none.
func (v value) count() int64 {
	if v.kind == kindWhole && v.whole >= 0 {
		return v.whole
	}
	f := v.measure()
	if math.IsNaN(f) || f != math.Trunc(f) || f > 1<<53 {
		return evidence.Unknown
	}
	return int64(f)
}

// longestList, in bytes, is the longest list that is read as one: as text it is short, decoded it may be long.
const longestList = 64 << 10

// string reads a text, or the first of a list: finish reasons and captured headers are lists. api_v2 knows no lists and
// carries them as JSON.
func (v value) string() string {
	switch v.kind {
	case kindWhole:
		return strconv.FormatInt(v.whole, 10)
	case kindReal:
		return strconv.FormatFloat(v.real, 'g', -1, 64)
	case kindTruth:
		return strconv.FormatBool(v.truth)
	}
	if first, ok := strings.CutPrefix(v.text, `["`); ok && len(v.text) <= longestList {
		if end := strings.IndexByte(first, '"'); end >= 0 && strings.HasSuffix(first, "]") {
			if strings.IndexByte(first[:end], '\\') < 0 {
				return first[:end]
			}
			var list []string
			if err := json.Unmarshal([]byte(v.text), &list); err == nil && len(list) > 0 {
				return list[0]
			}
		}
	}
	if v.text == "[]" {
		return ""
	}
	return v.text
}
