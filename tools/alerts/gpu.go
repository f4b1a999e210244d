package alerts

import (
	"fmt"
	"strings"
	"time"
)

// gpu is what NVIDIA's dcgm-exporter says of the cards. Its Hostname became hostname in May 2026, so both are kept.
func gpu() Group {
	const labels = `Hostname="node-1", gpu="0", UUID="GPU-1", modelName="NVIDIA H100"`
	series := func(metric, values string) []Series { return []Series{{metric + `{` + labels + `}`, values}} }
	violation := func(metric string, ratio float64) []Series {
		return series(metric, fmt.Sprintf("0+%.0fx40", ratio*60*1e9))
	}
	return Group{
		Name: "vllm-gpu",
		Alerts: []Alert{
			{
				Name: "VLLMGPUXid", Severity: Critical, Component: GPU, KeepFiring: 15 * time.Minute,
				Expr: pretty(`
					max by (%[1]s) (DCGM_FI_DEV_XID_ERRORS) > 0%[2]s
					and max by (%[1]s) (changes(DCGM_FI_DEV_XID_ERRORS[10m])) > 0`, byGPU, eachXID(" != %d", "")),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} reports XID {{ $value }}`,
				Description: "The driver reports a fault of the GPU or its links. NVIDIA's XID catalogue explains the number. The exporter keeps only the last number, so the same XID twice in a row shows once.",
				Cases: []Case{
					{"fires when an XID appears", series("DCGM_FI_DEV_XID_ERRORS", "0x10 79x20"), 12 * time.Minute, 1},
					{"is silent about those of programs", xidsOn("0x10 %dx20"), 12 * time.Minute, 0},
					{"is silent when a new exporter knows of none", series("DCGM_FI_DEV_XID_ERRORS", "79x10 0x20"), 12 * time.Minute, 0},
					{"is silent without", series("DCGM_FI_DEV_XID_ERRORS", "0x30"), 12 * time.Minute, 0},
					{"is silent about one of long ago", series("DCGM_FI_DEV_XID_ERRORS", "0x2 79x60"), 40 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMGPUXidOfProgram", Severity: Medium, Component: GPU, KeepFiring: 15 * time.Minute,
				Expr: pretty(`
					max by (%[1]s) (%[2]s)
					and max by (%[1]s) (changes(DCGM_FI_DEV_XID_ERRORS[10m])) > 0`, byGPU, eachXID("DCGM_FI_DEV_XID_ERRORS == %d", " or ")),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} reports XID {{ $value }}, usually a program's fault`,
				Description: "A program on the GPU did something illegal, or stopped in the middle of its work. If the XID comes again and again, the GPU can be faulty.",
				Cases: []Case{
					{"fires at each of them", xidsOn("0x10 %dx20"), 12 * time.Minute, len(xidsOfPrograms)},
					{"is silent about the card's own", series("DCGM_FI_DEV_XID_ERRORS", "0x10 79x20"), 12 * time.Minute, 0},
					{"is silent about those of long ago", xidsOn("0x2 %dx60"), 40 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMGPUHot", Severity: High, Component: GPU, For: 5 * time.Minute,
				Expr:        fmt.Sprintf(`max by (%s) (DCGM_FI_DEV_GPU_TEMP) > %d`, byGPU, gpuCelsius),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} is at {{ $value }} °C`,
				Description: "At a slightly higher temperature, the GPU lowers its speed. Every request on this GPU then gets slower.",
				Cases: []Case{
					{"fires above the limit", series("DCGM_FI_DEV_GPU_TEMP", "86x30"), 5 * time.Minute, 1},
					{"is silent at the limit", series("DCGM_FI_DEV_GPU_TEMP", "85x30"), 15 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMGPUThermalThrottling", Severity: High, Component: GPU, For: 5 * time.Minute,
				Expr:        fmt.Sprintf(`max by (%s) (rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m])) / 1e9 > %g`, byGPU, gpuThrottled),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} is slowed by heat {{ $value | humanizePercentage }} of the time`,
				Description: "The cooling is not sufficient. The metric exists only if dcgm-exporter collects DCGM_FI_DEV_THERMAL_VIOLATION.",
				Cases: []Case{
					{"fires above a tenth of the time", violation("DCGM_FI_DEV_THERMAL_VIOLATION", 0.11), 10 * time.Minute, 1},
					{"is silent at a tenth", violation("DCGM_FI_DEV_THERMAL_VIOLATION", 0.1), 15 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMGPUPowerThrottling", Severity: Medium, Component: GPU, For: 15 * time.Minute,
				Expr:        fmt.Sprintf(`max by (%s) (rate(DCGM_FI_DEV_POWER_VIOLATION[5m])) / 1e9 > %g`, byGPU, gpuThrottled),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} is slowed by its power limit {{ $value | humanizePercentage }} of the time`,
				Description: "With more power, the GPU would be faster. The metric exists only if dcgm-exporter collects DCGM_FI_DEV_POWER_VIOLATION.",
				Cases: []Case{
					{"fires above a tenth of the time", violation("DCGM_FI_DEV_POWER_VIOLATION", 0.11), 20 * time.Minute, 1},
					{"is silent at a tenth", violation("DCGM_FI_DEV_POWER_VIOLATION", 0.1), 30 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMGPURowRemapFailure", Severity: High, Component: GPU,
				Expr:        fmt.Sprintf(`max by (%s) (DCGM_FI_DEV_ROW_REMAP_FAILURE) > 0`, byGPU),
				Summary:     `GPU {{ $labels.gpu }} of {{ or $labels.Hostname $labels.hostname }} has memory that it cannot repair`,
				Description: "Row remapping failed: replace the GPU. Until then, a memory error stops the process that uses the faulty row.",
				Cases: []Case{
					{"fires when the flag is set", series("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0x5 1x5"), 8 * time.Minute, 1},
					{"is silent when it is not", series("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0x10"), 8 * time.Minute, 0},
				},
			},
		},
	}
}

// eachXID is a text for each XID of a program.
func eachXID(format, separator string) string {
	var texts []string
	for _, xid := range xidsOfPrograms {
		texts = append(texts, fmt.Sprintf(format, xid))
	}
	return strings.Join(texts, separator)
}

// xidsOn is as many cards as there are XIDs of programs, each with one.
func xidsOn(values string) (out []Series) {
	for _, xid := range xidsOfPrograms {
		out = append(out, Series{
			fmt.Sprintf(`DCGM_FI_DEV_XID_ERRORS{Hostname="node-1", gpu="%d", UUID="GPU-%[1]d", modelName="NVIDIA H100"}`, xid), fmt.Sprintf(values, xid),
		})
	}
	return out
}
