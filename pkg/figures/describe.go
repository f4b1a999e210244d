package figures

// Figure describes one key figure of the catalogue to an editor.
type Figure struct {
	Name      string `json:"name"`
	Unit      Unit   `json:"unit"`
	Help      string `json:"help"`
	Quantiles bool   `json:"quantiles"` // one value per quantile of the Spec
}

// Figures describes the catalogue, in the order of a table's columns.
func Figures() []Figure {
	figures := make([]Figure, len(allFigures))
	for i, f := range allFigures {
		figures[i] = Figure{Name: f.Name, Unit: f.Unit, Help: f.Help, Quantiles: f.quantiles()}
	}
	return figures
}
