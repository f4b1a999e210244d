// Package loki asks Loki over its HTTP API: log lines, the request events that they tell, and their volume. It owns LogQL
// and Loki's wire format, pages through windows that hold more lines than one answer, and says what it did not see. What a
// vLLM line means is package vllm's business; joining is nobody's here.
package loki
