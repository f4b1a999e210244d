/** What reads the same in every language: names, and examples of what to type. Everything else goes through t(). */

export const names = {
  prometheus: 'Prometheus',
  loki: 'Loki',
  jaeger: 'Jaeger',
  vllm: 'vLLM',
  ttft: 'TTFT',
  tpot: 'TPOT',
  e2e: 'E2E',
};

export const examples = {
  prometheus: 'http://prometheus:9090',
  loki: 'http://loki:3100',
  jaeger: 'grpc://jaeger:16685',
  header: 'X-Custom-Header',
  logSelector: '{container="vllm"}',
  model: 'meta-llama/Llama-3.1-*',
  price: '2.50',
  currency: '$',
  requestId: 'chatcmpl-…',
  legend: '{{model_name}}',
  step: '15s',
  ttft: '500ms',
  tpot: '50ms',
  e2e: '10s',
  words: 'out of memory',
  pattern: 'took [0-9.]+ s',
  process: 'APIServer',
  logger: 'async_llm.py',
  certificate: '-----BEGIN CERTIFICATE-----',
  privateKey: '-----BEGIN PRIVATE KEY-----',
};
