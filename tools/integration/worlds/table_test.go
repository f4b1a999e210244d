//go:build integration && unix

package worlds_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// printTable is the table world × figures, with the reasons of what cannot be told below it.
func printTable(t *testing.T, outcomes []outcome) {
	slices.SortFunc(outcomes, func(a, b outcome) int { return cmp.Compare(a.world.Name, b.world.Name) })
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "world\trequests\trows\tmissed\tinvented\twrong\tnull\tmarked\tundecidable\tSave & test names\twrong and null cells by column")
	var total [8]int
	reasons := map[string]int{}
	for _, o := range outcomes {
		r := o.report
		undecided := 0
		for why, n := range r.Undecided {
			undecided += n
			reasons[o.world.Name+": "+why] += n
		}
		figures := [8]int{r.Requests, r.Rows, r.Missed, r.Invented, sum(r.Wrong), sum(r.Null), r.Marked, undecided}
		fmt.Fprint(w, o.world.Name)
		for i, n := range figures {
			total[i] += n
			fmt.Fprintf(w, "\t%d", n)
		}
		fmt.Fprintf(w, "\t%s\t%s\n", o.named(), strings.TrimSpace(byColumn("wrong", r.Wrong)+" "+byColumn("null", r.Null)))
	}
	fmt.Fprint(w, "all")
	for _, n := range total {
		fmt.Fprintf(w, "\t%d", n)
	}
	fmt.Fprintln(w)
	_ = w.Flush() // into memory
	if len(reasons) > 0 {
		fmt.Fprintln(&b, "\nundecidable cells, and why:")
		for _, why := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(&b, "%6d  %s\n", reasons[why], why)
		}
	}
	writeTable(t, "VLLM_WORLDS_TABLE", b.String())
}

// writeTable prints a table, also into the file that a variable names.
func writeTable(t *testing.T, variable, table string) {
	t.Logf("the table:\n%s", table)
	if path := os.Getenv(variable); path != "" {
		if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func byColumn(what string, counts map[string]int) string {
	var parts []string
	for _, column := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", column, counts[column]))
	}
	if len(parts) == 0 {
		return ""
	}
	return what + ": " + strings.Join(parts, ", ") + "."
}
