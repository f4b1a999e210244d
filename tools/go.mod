module github.com/llmserving/grafana-vllm-datasource/tools

go 1.26.5

replace github.com/llmserving/grafana-vllm-datasource => ../
