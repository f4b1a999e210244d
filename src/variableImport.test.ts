import { importVariable, savedText } from './variableImport';

test.each([
  ['label_values(model_name)', { list: 'labelValues', label: 'model_name' }],
  [
    'label_values(vllm:num_requests_running, model_name)',
    { list: 'labelValues', label: 'model_name', metric: 'vllm:num_requests_running' },
  ],
  [
    'label_values(up{job="vllm", pod=~"a|b"},instance)',
    { list: 'labelValues', label: 'instance', metric: 'up', match: ['job=vllm', 'pod=~a|b'] },
  ],
  [
    'label_values({"k8s.pod.name"!="x\\"y"}, namespace)',
    { list: 'labelValues', label: 'namespace', match: ['k8s.pod.name!=x"y'] },
  ],
  ['label_names()', { list: 'labels' }],
  ['query_result(up)', undefined],
  ['metrics(vllm.*)', undefined],
])('%s', (text, wanted) => expect(importVariable(text)).toEqual(wanted));

test('a variable is saved as a text or as an object with a text', () => {
  expect(savedText('label_values(a)')).toBe('label_values(a)');
  expect(savedText({ query: 'label_values(a)', refId: 'StandardVariableQuery' })).toBe('label_values(a)');
  expect(savedText({ refId: 'A', list: 'models' })).toBeUndefined();
  expect(savedText(undefined)).toBeUndefined();
});
