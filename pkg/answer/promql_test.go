package answer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVariableOfADashboardIsFoundInAnExpression(t *testing.T) {
	for expr, want := range map[string]string{
		`up`:                                 "",
		`up{model="$model"}`:                 "$model",
		`up{model=~"${model:regex}"}`:        "${model",
		`label_replace(up,"a","$1","b",".")`: "",
		`label_replace(up,"pod","$name","instance","(?P<name>[^:]+):.*")`:         "",
		`label_replace(up,"pod","${name}-0","instance","(?<name>[^:]+)")`:         "",
		`label_replace(up,"pod","$name","instance","(?P<name>.+)") * $multiplier`: "$multiplier",
		`up{pod=~"a$"}`: "",
	} {
		t.Run(expr, func(t *testing.T) { require.Equal(t, want, dashboardVariable(expr)) })
	}
}
