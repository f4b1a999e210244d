import {
  createDataFrame,
  FieldType,
  LogRowContextQueryDirection,
  LogRowModel,
  SupplementaryQueryType,
} from '@grafana/data';

import { VllmQuery } from '../queryTypes';
import { contextRequest, newestFirst, streamQuery } from './context';
import { volumeQuery } from './volume';

describe('the volume above lines', () => {
  const type = SupplementaryQueryType.LogsVolume as const;
  const query = (part: Partial<VllmQuery>): VllmQuery => ({ refId: 'A', queryType: 'logs', ...part });

  test('is narrowed as the lines are, whatever their number and order', () => {
    const scope = { models: ['m'] };
    const logs = { levels: ['error'], contains: 'x', limit: 10, oldest: true };
    expect(volumeQuery({ type }, query({ scope, logs }))).toEqual(
      query({ refId: 'log-volume-A', scope, logs: { levels: ['error'], contains: 'x', volume: true } })
    );
  });

  test.each<[string, Partial<VllmQuery>]>([
    ['requests', { queryType: 'requests' }],
    ['a volume', { logs: { volume: true } }],
    ['a context', { logs: { around: '1' } }],
    ['a hidden query', { hide: true }],
  ])('is not there for %s', (_, part) => {
    expect(volumeQuery({ type }, query(part))).toBeUndefined();
  });

  test('is no sample of lines', () => {
    expect(volumeQuery({ type: SupplementaryQueryType.LogsSample }, query({}))).toBeUndefined();
  });
});

describe('the context of a line', () => {
  const row = {
    timeEpochMs: 1787227200000,
    timeEpochNs: '1787227200000000123',
    labels: { pod: 'llama-0', container: 'vllm', detected_level: 'info' },
    dataFrame: { fields: [], length: 0, meta: { custom: { streamLabels: ['container', 'pod'] } } },
  } as unknown as LogRowModel;

  test('is its whole stream, found by what is the stream’s own', () => {
    expect(streamQuery(row)).toMatchObject({
      queryType: 'logs',
      logs: { stream: { pod: 'llama-0', container: 'vllm' } },
    });
  });

  test.each([
    [LogRowContextQueryDirection.Backward, false],
    [LogRowContextQueryDirection.Forward, true],
  ])('%s begins at the nanosecond of the line itself, which is one of the page', (direction, oldest) => {
    const { targets, range } = contextRequest(row, { direction, limit: 20 });
    expect(targets).toHaveLength(1);
    expect(targets[0].logs).toEqual({
      stream: { pod: 'llama-0', container: 'vllm' },
      around: '1787227200000000123',
      oldest,
      limit: 21,
    });
    expect(range.from.valueOf()).toBeLessThan(range.to.valueOf());
  });

  test('comes with the newest line first', () => {
    const frame = createDataFrame({
      fields: [
        { name: 'body', type: FieldType.string, values: ['a', 'b'] },
        { name: 'timestamp', type: FieldType.time, values: [1, 2] },
      ],
    });
    expect(newestFirst(frame).fields[0].values).toEqual(['b', 'a']);
  });
});
