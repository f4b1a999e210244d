package demo

// ink colours text, or does not. Text is padded before it is coloured: escape
// sequences have no width.
type ink struct{ on bool }

func (i ink) paint(code, text string) string {
	if !i.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (i ink) bold(text string) string  { return i.paint("1", text) }
func (i ink) faint(text string) string { return i.paint("2", text) }

func (i ink) mood(text string, mood Mood) string {
	switch mood {
	case Good:
		return i.paint("32", text)
	case Bad:
		return i.paint("31", text)
	case Absent:
		return i.paint("2", text)
	default:
		return i.paint("33", text)
	}
}

// row colours a request's line by its status; other tables have none.
func (i ink) row(text, status string) string {
	switch status {
	case "error":
		return i.paint("31", text)
	case "aborted", "rejected":
		return i.paint("33", text)
	case "unknown":
		return i.paint("2", text)
	default:
		return text
	}
}
