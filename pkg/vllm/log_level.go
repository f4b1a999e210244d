package vllm

import "strings"

// levelOf maps a level as Python, uvicorn or the Rust front end writes it, in capitals.
func levelOf(word string) LogLevel {
	switch word {
	case "INFO":
		return LevelInfo
	case "WARNING", "WARN":
		return LevelWarning
	case "ERROR":
		return LevelError
	case "DEBUG", "TRACE":
		return LevelDebug
	case "CRITICAL", "FATAL":
		return LevelCritical
	}
	return LevelUnknown
}

// ParseLogLevel reads a level in any spelling that loggers and Grafana use ("warn", "Warning", "err", "fatal"); what is
// none is LevelUnknown.
func ParseLogLevel(word string) LogLevel {
	switch upper := strings.ToUpper(word); upper {
	case "ERR", "EROR":
		return LevelError
	case "CRIT", "EMERG", "ALERT":
		return LevelCritical
	case "INFORMATION", "NOTICE":
		return LevelInfo
	default:
		return levelOf(upper)
	}
}

// AtLeast reports whether the level is as bad as floor or worse. An unknown level is at least nothing.
func (l LogLevel) AtLeast(floor LogLevel) bool { return l.rank() > 0 && l.rank() >= floor.rank() }

func (l LogLevel) rank() int {
	switch l {
	case LevelDebug:
		return 1
	case LevelInfo:
		return 2
	case LevelWarning:
		return 3
	case LevelError:
		return 4
	case LevelCritical:
		return 5
	}
	return 0
}
