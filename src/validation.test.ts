import { Store } from './types';
import {
  durationProblem,
  headerProblem,
  labelProblem,
  logSelectorProblem,
  metricPrefixProblem,
  numberProblem,
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
  expect(headerProblem('X-One')).toBeUndefined();
  expect(headerProblem('X One')).toBeDefined();
  expect(metricPrefixProblem('vllm_')).toBeUndefined();
  expect(metricPrefixProblem('vllm.')).toBeDefined();
  expect(userProblem('reader')).toBeUndefined();
  expect(userProblem('a:b')).toBeDefined();
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
