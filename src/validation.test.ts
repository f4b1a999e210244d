import { SloLimits, Store, StoreSettings } from './types';
import {
  currencyProblem,
  durationProblem,
  headerProblem,
  labelProblem,
  latencyProblem,
  logSelectorProblem,
  metricPrefixProblem,
  numberProblem,
  pemProblem,
  sloProblem,
  urlProblem,
  userProblem,
} from './validation';

const bounds = { default: 30, min: 1, max: 600 };

test.each<[Store, string]>([
  ['prometheus', ''],
  ['prometheus', 'http://prometheus:9090'],
  ['prometheus', 'https://mimir.example/prometheus'],
  ['loki', ' http://[::1]:3100 '],
  ['jaeger', 'jaeger:16685'],
  ['jaeger', 'grpc://jaeger:16685'],
  ['jaeger', 'grpcs://jaeger.example:443/'],
  ['jaeger', 'https://jaeger.example:443'],
])('%s takes the address %p', (store, url) => {
  expect(urlProblem(store, url)).toBeUndefined();
});

test.each<[Store, string, RegExp]>([
  ['prometheus', 'prometheus:9090', /http:/],
  ['loki', 'ftp://loki', /http:/],
  ['loki', 'http://', /host/],
  ['loki', 'http://user:secret@loki', /user and password/],
  ['loki', 'http://loki?x=1', /without \?/],
  ['jaeger', 'ftp://jaeger:1', /grpc:/],
  ['jaeger', 'grpc://jaeger', /port/],
  ['jaeger', 'grpc://jaeger:16685/path', /no path/],
])('%s refuses the address %p', (store, url, problem) => {
  expect(urlProblem(store, url)).toMatch(problem);
});

test.each(['', '30s', '2m', '45', undefined])('the duration %p is fine', (text) => {
  expect(durationProblem(text, bounds)).toBeUndefined();
});

test.each([
  ['soon', /such as/],
  ['1h', /Between 1 s and 600 s/],
  ['10ms', /Between/],
  ['-3', /Between/],
])('the duration %p is not', (text, problem) => {
  expect(durationProblem(text, bounds)).toMatch(problem);
});

test('numbers stay within their bounds', () => {
  expect(numberProblem(undefined, bounds)).toBeUndefined();
  expect(numberProblem(600, bounds)).toBeUndefined();
  expect(numberProblem(601, bounds)).toMatch(/Between 1 and 600/);
});

test('names follow the grammar of their store', () => {
  expect(labelProblem('jaeger', 'k8s.pod.name')).toBeUndefined();
  expect(labelProblem('loki', 'k8s.pod.name')).toBeDefined();
  expect(labelProblem('prometheus', '')).toBeUndefined();
  expect(metricPrefixProblem('vllm_')).toBeUndefined();
  expect(metricPrefixProblem('vllm.')).toBeDefined();
  expect(userProblem('reader')).toBeUndefined();
  expect(userProblem('a:b')).toMatch(/colon/);
  expect(userProblem('')).toMatch(/needs a user/);
});

test.each([undefined, '', '{container="vllm"}', '{a=~`x.*`, b!="y"}', '{a="}{"}', '{a="\\"}"}'])(
  'the log selector %p is fine',
  (selector) => {
    expect(logSelectorProblem(selector)).toBeUndefined();
  }
);

test.each(['container="vllm"', '{}', '{ }', '{a="b"} |= "x"', '{a="b"} or {c="d"}', '{a="b}'])(
  'the log selector %p is not',
  (selector) => {
    expect(logSelectorProblem(selector)).toBeDefined();
  }
);

test.each<[Store, StoreSettings, RegExp | undefined]>([
  ['loki', { headers: ['X-One'] }, undefined],
  ['loki', { headers: [''] }, undefined],
  ['loki', { headers: ['X One'] }, /can be called that/],
  ['loki', { headers: ['transfer-encoding'] }, /belongs to the connection/],
  ['jaeger', { headers: ['Grpc-Timeout'] }, /belongs to the connection/],
  ['loki', { headers: ['Authorization'] }, undefined],
  ['loki', { headers: ['authorization'], auth: 'bearer' }, /by the authentication/],
  ['loki', { headers: ['x-scope-orgid'], tenant: 'a' }, /by the tenant/],
  ['jaeger', { headers: ['X-Tenant'], tenant: 'a' }, /by the tenant/],
])('of %s with %p, the first header is judged', (store, saved, problem) => {
  const said = headerProblem(store, saved, 0);
  return problem ? expect(said).toMatch(problem) : expect(said).toBeUndefined();
});

test('a header is set once', () => {
  expect(headerProblem('loki', { headers: ['X-One', '', 'x-one'] }, 2)).toMatch(/by another header/);
  expect(headerProblem('loki', { headers: ['X-One', '', 'x-one'] }, 0)).toBeUndefined();
});

test('a certificate is told from a key', () => {
  expect(pemProblem('-----BEGIN CERTIFICATE-----\n', 'CERTIFICATE')).toBeUndefined();
  expect(pemProblem('-----BEGIN RSA PRIVATE KEY-----\n', 'PRIVATE KEY')).toBeUndefined();
  expect(pemProblem('-----BEGIN RSA PRIVATE KEY-----\n', 'CERTIFICATE')).toMatch(/BEGIN CERTIFICATE/);
  expect(pemProblem('/etc/ssl/ca.pem', 'CERTIFICATE')).toBeDefined();
  expect(pemProblem('', 'CERTIFICATE')).toBeUndefined();
});

test.each([undefined, '', '500ms', '2s', '1m30s', '1h'])('the latency %p is fine', (text) => {
  expect(latencyProblem(text)).toBeUndefined();
});

test.each([
  ['500', /with its unit/],
  ['fast', /with its unit/],
  ['2h', /Between 1 ms and 60 minutes/],
  ['1us', /Between/],
])('the latency %p is not', (text, problem) => {
  expect(latencyProblem(text)).toMatch(problem);
});

const second = { ttft: '1s' };

test.each<[string, SloLimits[], RegExp | undefined]>([
  ['says nothing yet', [{}], undefined],
  ['has model and limit', [{ model: 'qwen', ...second }], undefined],
  ['has no model', [second], /Which model/],
  ['has no limit', [{ model: 'qwen' }], /at least one limit/],
  ['has a model without end', [{ model: 'a'.repeat(257), ...second }], /At most 256/],
  [
    'stands behind the same model',
    [
      { model: 'qwen', ...second },
      { model: 'qwen', ...second },
    ],
    /row 1 already is for qwen/,
  ],
  [
    'stands behind every model',
    [
      { model: '*', ...second },
      { model: 'qwen', ...second },
    ],
    /row 1 already is for every model/,
  ],
  [
    'stands behind another model',
    [
      { model: 'llama', ...second },
      { model: '*', ...second },
    ],
    undefined,
  ],
])('a row of limits that %s', (_, rows, problem) => {
  const said = sloProblem(rows, rows.length - 1);
  return problem ? expect(said).toMatch(problem) : expect(said).toBeUndefined();
});

test('a currency is short', () => {
  expect(currencyProblem(undefined)).toBeUndefined();
  expect(currencyProblem('€')).toBeUndefined();
  expect(currencyProblem('US dollars')).toBeDefined();
});
