package vllm

import (
	"strings"
	"time"
)

// ClockSeconds reads the time that a line itself tells (LogEvent.Clock) as Unix seconds. Without a zone the clock is read as UTC:
// two lines of one process can be compared, and the distance to another clock is right but for whole quarters of an hour.
// Without a year, the year is the one that brings the clock nearest to near. ok is false for a text that is no date with a time.
func ClockSeconds(text string, near time.Time) (seconds int64, ok bool) {
	date, rest, found := cutClock(text)
	if !found {
		return 0, false
	}
	year, monthAndDay := 0, date
	if len(date) == len("2006-01-02") {
		y, fine := digits(date[:4])
		if !fine || !dateSeparator(date[4]) {
			return 0, false
		}
		year, monthAndDay = y, date[5:]
	}
	if len(monthAndDay) != len("01-02") || !dateSeparator(monthAndDay[2]) {
		return 0, false
	}
	month, a := digits(monthAndDay[:2])
	day, b := digits(monthAndDay[3:])
	if !a || !b || month < 1 || month > 12 || day < 1 || day > 31 || len(rest) < len("15:04:05") || rest[2] != ':' || rest[5] != ':' {
		return 0, false
	}
	hour, a := digits(rest[:2])
	minute, b := digits(rest[3:5])
	second, c := digits(rest[6:8])
	if !a || !b || !c || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	in := func(year int) time.Time {
		return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	}
	if year > 0 {
		return in(year).Unix() - zoneSeconds(rest[8:]), true
	}
	best := in(near.UTC().Year())
	for _, y := range [...]int{near.UTC().Year() - 1, near.UTC().Year() + 1} {
		if other := in(y); other.Sub(near).Abs() < best.Sub(near).Abs() {
			best = other
		}
	}
	return best.Unix(), true
}

// cutClock cuts a date from the time behind it, which a blank or a T begins.
func cutClock(text string) (date, rest string, ok bool) {
	i := strings.IndexAny(text, " T")
	if i < 0 || i > len("2006-01-02") {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}

func dateSeparator(c byte) bool { return c == '-' || c == '/' || c == '.' }

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// zoneSeconds reads the zone behind a time, such as ".123Z" and ",123 +0200": how far the clock is ahead of UTC.
func zoneSeconds(rest string) int64 {
	rest = strings.TrimLeft(rest, ".,0123456789 ")
	if len(rest) < len("+0200") || rest[0] != '+' && rest[0] != '-' {
		return 0
	}
	hour, a := digits(rest[1:3])
	minute, b := digits(strings.TrimPrefix(rest[3:], ":")[:2])
	if !a || !b {
		return 0
	}
	ahead := int64(hour)*3600 + int64(minute)*60
	if rest[0] == '-' {
		return -ahead
	}
	return ahead
}
