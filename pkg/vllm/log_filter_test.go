package vllm_test

import (
	"regexp"
	"strconv"
	"sync"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// colours are what LogQL's decolorize removes.
var colours = regexp.MustCompile(`\x1b\[[\d;]*m`)

var compiled sync.Map

func expression(pattern string) *regexp.Regexp {
	if re, ok := compiled.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(pattern)
	compiled.Store(pattern, re)
	return re
}

// passes evaluates a filter as Loki does.
func passes(stages []vllm.LineStage, line string) bool {
	labels := map[string]string{}
	for _, s := range stages {
		switch {
		case s.Match != "":
			if !expression(s.Match).MatchString(line) {
				return false
			}
		case s.Drop != "":
			if expression(s.Drop).MatchString(line) {
				return false
			}
		case s.Whole:
			if expression("^(?:" + vllm.CutLengths + ")$").MatchString(strconv.Itoa(len(line))) {
				return false
			}
		case s.Decolorize:
			line = colours.ReplaceAllString(line, "")
		case s.Capture != "":
			re := expression(s.Capture)
			if m := re.FindStringSubmatch(line); m != nil {
				for i, name := range re.SubexpNames() {
					if name != "" {
						labels[name] = m[i]
					}
				}
			}
		case s.Level:
			loud, quiet := expression("^(?:"+vllm.LoudLevels+")$"), expression("^(?:"+vllm.QuietLevels+")$")
			own, record := labels[vllm.LevelOwn], labels[vllm.LevelRecord]
			if !loud.MatchString(own) && !(own == "" && !quiet.MatchString(record)) {
				return false
			}
		}
	}
	return true
}

// alarms are what the data source and the alerts each make of a line.
var alarms = []struct {
	name   string
	events []vllm.EngineEvent
}{
	{"dead", []vllm.EngineEvent{vllm.EngineDied, vllm.EngineFoundDead}},
	{"memory", []vllm.EngineEvent{vllm.EngineOutOfMemory, vllm.EngineKilled}},
	{"start", []vllm.EngineEvent{vllm.EngineStartFailed}},
	{"stuck", []vllm.EngineEvent{vllm.EngineStuck}},
}

// filtered are the alarms that a store would sound for a line, told those that the parser reads.
func filtered(line string) (names []string) {
	for _, a := range alarms {
		if passes(vllm.EngineEventFilter(a.events...), line) {
			names = append(names, a.name)
		}
	}
	return names
}

func told(line string) (names []string) {
	e := vllm.ParseLogLine(line)
	for _, a := range alarms {
		for _, t := range vllm.EngineEventsOf(&e) {
			if t.Event == a.events[0] || len(a.events) > 1 && t.Event == a.events[1] {
				names = append(names, a.name)
				break
			}
		}
	}
	return names
}
