package alerts

import (
	"regexp"
	"slices"
)

var (
	labelInWords    = regexp.MustCompile(`\$labels\.(\w+)`)
	optionalInWords = regexp.MustCompile(`(?:with|or) \$labels\.(\w+)(?: \$labels\.(\w+))?`)
)

// usedLabels are the labels that an alert's words name.
func (a Alert) usedLabels() []string {
	var labels []string
	for _, match := range labelInWords.FindAllStringSubmatch(a.Summary+a.Description, -1) {
		labels = append(labels, match[1])
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// neededLabels are those without which the words would have a hole.
func (a Alert) neededLabels() []string {
	var optional []string
	for _, match := range optionalInWords.FindAllStringSubmatch(a.Summary+a.Description, -1) {
		optional = append(optional, match[1:]...)
	}
	return slices.DeleteFunc(a.usedLabels(), func(label string) bool { return slices.Contains(optional, label) })
}
