package dashboards

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Choice is what is set above a dashboard, by variable. A menu that is not in it stands on All.
type Choice map[string]string

// menus are the variables that hold a list.
var menus = []string{"model", "environment", "instance", "level"}

// unset is a variable that nobody set. What begins with underscores, the backend fills in; a number is PromQL's own.
var unset = regexp.MustCompile(`\$\{?[^_0-9{]`)

// Asks is what the browser makes of a target: a list whose menu is set to All does not narrow, and is left out; within
// PromQL All is a pattern that matches everything, and a value is one that matches itself.
func (t Target) Asks(c Choice) (map[string]any, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	filled := strings.ReplaceAll(string(text), "${datasource}", "")
	for _, menu := range menus {
		list, pattern := `[]`, ".*"
		if value, ok := c[menu]; ok {
			list, pattern = "["+strconv.Quote(value)+"]", regexp.QuoteMeta(value)
		}
		inPromQL := strconv.Quote(strconv.Quote(pattern))
		filled = strings.ReplaceAll(filled, `["$`+menu+`"]`, list)
		filled = strings.ReplaceAll(filled, `\"$`+menu+`\"`, inPromQL[1:len(inPromQL)-1])
	}
	for name, value := range c {
		filled = strings.ReplaceAll(filled, "$"+name, value)
	}
	if name := unset.FindStringIndex(filled); name != nil {
		return nil, fmt.Errorf("a variable that nobody sets: %s", filled[name[0]:])
	}
	var model map[string]any
	if err := json.Unmarshal([]byte(filled), &model); err != nil {
		return nil, fmt.Errorf("%s: %w", filled, err)
	}
	delete(model, "datasource")
	return model, nil
}
