package telemetry

import (
	"fmt"
	"strconv"
)

// GPU is one device as dcgm-exporter shows it. Utilization is what the owner
// last set; memory is flat, because vLLM allocates all of it at the start.
type GPU struct {
	Index       int
	UUID        string
	Model       string
	Hostname    string
	Pod         string // the GPU's consumer, not the exporter
	Namespace   string
	TotalMiB    float64
	UsedMiB     float64
	IdleWatts   float64
	MaxWatts    float64
	Utilization float64 // share of the last interval with a step running
	energyMilliJ
}

type energyMilliJ float64

// Advance sets the utilization of the interval that just ended and adds the
// energy it took.
func (g *GPU) Advance(utilization, seconds float64) {
	g.Utilization = utilization
	g.energyMilliJ += energyMilliJ(g.power() * seconds * 1000)
}

func (g *GPU) power() float64 { return g.IdleWatts + (g.MaxWatts-g.IdleWatts)*0.8*g.Utilization }

// gpuFamilies is dcgm-exporter's default set, as far as vLLM matters.
var gpuFamilies = []struct {
	name, help, kind string
	read             func(*GPU) float64
}{
	{"DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", "gauge", func(g *GPU) float64 { return 1410 + 570*g.Utilization }},
	{"DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", "gauge", func(*GPU) float64 { return 2619 }},
	{"DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C).", "gauge", func(g *GPU) float64 { return 40 + 25*g.Utilization }},
	{"DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", "gauge", func(g *GPU) float64 { return 34 + 30*g.Utilization }},
	{"DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", "gauge", (*GPU).power},
	{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Total energy consumption since boot (in mJ).", "counter", func(g *GPU) float64 { return float64(g.energyMilliJ) }},
	{"DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", "gauge", func(g *GPU) float64 { return 100 * g.Utilization }},
	{"DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", "gauge", func(g *GPU) float64 { return 70 * g.Utilization }},
	{"DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", "gauge", func(*GPU) float64 { return 0 }},
	{"DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", "gauge", func(g *GPU) float64 { return g.TotalMiB - g.UsedMiB }},
	{"DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", "gauge", func(g *GPU) float64 { return g.UsedMiB }},
	{"DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", "gauge", func(g *GPU) float64 { return g.Utilization }},
	{"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor (HMMA) pipe is active.", "gauge", func(g *GPU) float64 { return 0.35 * g.Utilization }},
	{"DCGM_FI_PROF_DRAM_ACTIVE", "Ratio of cycles the device memory interface is active sending or receiving data.", "gauge", func(g *GPU) float64 { return 0.6 * g.Utilization }},
}

// NewGPUMetrics is the /metrics endpoint of the dcgm-exporter on one node.
func NewGPUMetrics(gpus []*GPU) *Exposition {
	e := newExposition()
	for _, f := range gpuFamilies {
		family := e.family(f.name, f.help, f.kind)
		for _, g := range gpus {
			family.series = append(family.series, newSeries(f.name, g.labels(), func() float64 { return f.read(g) }))
		}
	}
	return e
}

func (g *GPU) labels() []Label {
	return []Label{
		{"DCGM_FI_DRIVER_VERSION", "570.124.06"},
		{"Hostname", g.Hostname},
		{"UUID", g.UUID},
		{"container", "vllm"},
		{"device", "nvidia" + strconv.Itoa(g.Index)},
		{"gpu", strconv.Itoa(g.Index)},
		{"modelName", g.Model},
		{"namespace", g.Namespace},
		{"pci_bus_id", fmt.Sprintf("00000000:%02X:00.0", 0x18+g.Index*0x10)},
		{"pod", g.Pod},
	}
}
