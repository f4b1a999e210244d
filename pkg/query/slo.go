package query

func (q *Query) checkSLO() error {
	if err := q.SLO.Validate(); err != nil {
		return &FieldError{"slo", err}
	}
	if q.FromAlert {
		spec, err := q.SLO.ForAlert()
		if err != nil {
			return &FieldError{"slo", err}
		}
		q.SLO = &spec
	}
	return nil
}
