// The join of 10,000 requests as it is done in the browser today: Grafana's own "Join by field" transformation over the
// frames that three data sources would bring, in Node. Beside it stands BenchmarkJoinAndFrame/10000 of pkg/frames, which
// does more (retries, as-of samples, models, a report). Run from the repository's top level, after npm ci:
//
//   node --expose-gc tools/browserjoin/bench.cjs
'use strict';
const { JSDOM } = require('jsdom');
const dom = new JSDOM('', { url: 'http://localhost' });
for (const name of ['window', 'document', 'localStorage', 'HTMLElement', 'Element', 'Node', 'DOMParser']) {
  globalThis[name] ??= dom.window[name];
}
const { toDataFrame, FieldType, standardTransformers } = require('@grafana/data');
const { of, lastValueFrom } = require('rxjs');

const requests = 10_000;
const ids = Array.from({ length: requests }, (_, i) => `chatcmpl-req-${i}`);

/** What a Jaeger search with attributes as columns would bring: one row a request. */
function traces() {
  const number = (name) => ({ name, type: FieldType.number, values: ids.map((_, i) => i / 1000) });
  const text = (name) => ({ name, type: FieldType.string, values: ids.map((_, i) => `${name}-${i % 100}`) });
  return toDataFrame({
    name: 'traces',
    fields: [
      { name: 'request_id', type: FieldType.string, values: ids },
      { name: 'time', type: FieldType.time, values: ids.map((_, i) => 1.79e12 + i * 100) },
      ...['trace_id', 'span_id', 'pod', 'environment', 'caller_service'].map(text),
      ...['e2e', 'ttft', 'queue', 'prefill', 'decode', 'prompt_tokens', 'completion_tokens', 'max_tokens'].map(number),
    ],
  });
}

/** What Loki would bring with the id as a parsed label: `lines` rows a request. */
function logs(lines) {
  const values = ids.flatMap((id) => Array(lines).fill(id));
  return toDataFrame({
    name: 'logs',
    fields: [
      { name: 'request_id', type: FieldType.string, values },
      { name: 'level', type: FieldType.string, values: values.map(() => 'info') },
      { name: 'line', type: FieldType.string, values: values.map((id) => `Added request ${id}`) },
    ],
  });
}

/** Engine state, were it already brought to the request's id: no transformation does an as-of join. */
function state() {
  const number = (name) => ({ name, type: FieldType.number, values: ids.map((_, i) => i % 32) });
  return toDataFrame({
    name: 'state',
    fields: [
      { name: 'request_id', type: FieldType.string, values: ids },
      ...['running', 'waiting', 'kv_cache_usage'].map(number),
    ],
  });
}

async function measure(name, frames, mode, rounds) {
  const operator = standardTransformers.joinByFieldTransformer.operator(
    { byField: 'request_id', mode },
    { interpolate: (s) => s }
  );
  let rows = 0;
  const times = [];
  for (let i = 0; i < rounds; i++) {
    globalThis.gc?.();
    const started = performance.now();
    const [joined] = await lastValueFrom(of(frames).pipe(operator));
    times.push(performance.now() - started);
    rows = joined.length;
  }
  times.sort((a, b) => a - b);
  console.log(`${name.padEnd(44)} ${times[rounds >> 1].toFixed(1).padStart(9)} ms  ${rows} rows`);
}

(async () => {
  await measure('outer join, one line a request', [traces(), logs(1), state()], 'outer', 5);
  await measure('outer (tabular) join, one line a request', [traces(), logs(1), state()], 'outerTabular', 3);
  await measure('outer (tabular) join, three lines a request', [traces(), logs(3), state()], 'outerTabular', 3);
})();
