module github.com/llmserving/grafana-vllm-datasource/tools/servers/loki

go 1.26.8
