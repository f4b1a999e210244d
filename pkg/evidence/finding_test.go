package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

func TestMergeFindingsKeepsTheFirstFindingOfEachCheck(t *testing.T) {
	clock := evidence.Finding{Check: "log_skew", Found: "The clock of the logs is 3 s early.", Value: -3}
	copies := evidence.Finding{Check: "duplicate_lines", Found: "10 % of the lines come twice.", Value: .1}
	later := evidence.Finding{Check: "log_skew", Found: "The clock of the logs is 7 s late.", Value: 7}
	require.Equal(t, []evidence.Finding{clock, copies}, evidence.MergeFindings([]evidence.Finding{clock}, nil, []evidence.Finding{copies, later}))
	require.Empty(t, evidence.MergeFindings(nil, nil))
}
