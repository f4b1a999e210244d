package attainment

import (
	"math"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
)

// ShareFigure is the one figure of Share.
const ShareFigure = "share"

// Share is the share of requests that pass all filters, over the grid: pass / (pass + fail). A request of which nobody knows
// whether it passes is in neither; without any that is known there is no share.
func Share(rows []join.Request, filters []join.Filter, groupBy []string, grid Grid) (models.Result, error) {
	judge, err := join.CompileJudge(filters)
	if err != nil {
		return models.Result{}, err
	}
	out := models.Result{
		GroupBy: groupBy, Times: grid.Times, Step: grid.Step,
		Columns: []models.Column{{
			Name: ShareFigure, Metric: ShareFigure, Unit: models.Ratio,
			Help: "requests that pass the filters / those of which it is known whether they do",
		}},
	}
	type counts struct{ pass, known float64 }
	groups := map[string][]string{}
	counted := map[string][]counts{}
	values := make([]string, len(groupBy))
	for i := range rows {
		from, to := grid.at(rows[i].Time)
		pass, known := judge(&rows[i])
		if from >= to || !known {
			continue
		}
		group := models.GroupOf(&rows[i], groupBy, values)
		key := models.GroupKey(group)
		if groups[key] == nil {
			groups[key], counted[key] = append([]string{}, group...), make([]counts, len(grid.Times))
		}
		for t := from; t < to; t++ {
			counted[key][t].known++
			if pass {
				counted[key][t].pass++
			}
		}
	}
	for _, key := range sortedKeys(groups) {
		shares := make([]float64, len(grid.Times))
		for t, c := range counted[key] {
			if shares[t] = math.NaN(); c.known > 0 {
				shares[t] = c.pass / c.known
			}
		}
		out.Groups = append(out.Groups, groups[key])
		out.Values = append(out.Values, [][]float64{shares})
	}
	return out, nil
}
