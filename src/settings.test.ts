import {
  Settings,
  withHeader,
  withLabel,
  withLimit,
  withoutHeader,
  withoutSecret,
  withoutSlo,
  withSecret,
  withSlo,
  withSloEarlier,
  withStore,
  withVllm,
} from './settings';
import { VllmDataSourceOptions } from './types';

function settings(jsonData: VllmDataSourceOptions = {}): Settings {
  return { jsonData, secureJsonFields: {}, secureJsonData: {} } as Partial<Settings> as Settings;
}

describe('what is empty is not saved, so that a default stays one', () => {
  test('of a store', () => {
    const saved = settings({ loki: { url: 'http://loki', tenant: 'a' }, prometheus: { url: 'http://prometheus' } });
    expect(withStore(saved, 'loki', { tenant: '' }).jsonData).toEqual({
      loki: { url: 'http://loki' },
      prometheus: { url: 'http://prometheus' },
    });
    expect(withStore(settings({ loki: { tenant: 'a' } }), 'loki', { tenant: '' }).jsonData.loki).toBeUndefined();
    expect(withStore(settings(), 'loki', { forwardIdentity: false }).jsonData.loki).toBeUndefined();
  });

  test('of vLLM and of limits', () => {
    expect(withVllm(settings(), { engineServices: [] }).jsonData.vllm).toBeUndefined();
    expect(withLimit(settings({ limits: { requests: 5 } }), 'requests', undefined).jsonData.limits).toBeUndefined();
    expect(withLimit(settings(), 'logLines', 7).jsonData.limits).toEqual({ logLines: 7 });
  });
});

describe('a secret', () => {
  test('is kept beside the others', () => {
    const one = withSecret(settings(), 'lokiBearerToken', 'one');
    expect(withSecret(one, 'jaegerBearerToken', 'two').secureJsonData).toEqual({
      lokiBearerToken: 'one',
      jaegerBearerToken: 'two',
    });
  });

  test('that is reset is forgotten when the settings are saved', () => {
    const saved = { ...settings(), secureJsonFields: { lokiBearerToken: true, lokiTLSCACert: true } };
    const reset = withoutSecret(saved, 'lokiBearerToken');
    expect(reset.secureJsonFields).toEqual({ lokiBearerToken: false, lokiTLSCACert: true });
    expect(reset.secureJsonData).toEqual({ lokiBearerToken: '' });
  });
});

describe('a header', () => {
  const saved = settings({ loki: { headers: ['X-One', 'X-Two', 'X-Three'] } });

  test('that is taken out leaves a gap, so that the others keep their values', () => {
    const changed = withoutHeader(saved, 'loki', 1);
    expect(changed.jsonData.loki?.headers).toEqual(['X-One', '', 'X-Three']);
    expect(changed.secureJsonData).toEqual({ lokiHeaderValue2: '' });
  });

  test('that is the last leaves none', () => {
    const two = withoutHeader(withoutHeader(saved, 'loki', 1), 'loki', 2);
    expect(two.jsonData.loki?.headers).toEqual(['X-One']);
    expect(withoutHeader(two, 'loki', 0).jsonData.loki).toBeUndefined();
  });

  test('fills a gap', () => {
    expect(withHeader(settings(), 'loki', 2, 'X-Three').jsonData.loki?.headers).toEqual(['', '', 'X-Three']);
  });
});

describe('a label', () => {
  test('can be another, none, or the default', () => {
    const other = withLabel(settings(), 'loki', 'pod', 'k8s_pod_name');
    expect(other.jsonData.loki).toEqual({ labels: { pod: 'k8s_pod_name' } });
    const none = withLabel(other, 'loki', 'environment', '');
    expect(none.jsonData.loki).toEqual({ labels: { pod: 'k8s_pod_name', environment: '' } });
    const usual = withLabel(none, 'loki', 'pod', undefined);
    expect(usual.jsonData.loki).toEqual({ labels: { environment: '' } });
    expect(withLabel(usual, 'loki', 'environment', undefined).jsonData.loki).toBeUndefined();
  });
});

describe('limits on latency', () => {
  const rows = settings({
    vllm: {
      slo: [
        { model: 'qwen', ttft: '1s' },
        { model: '*', e2e: '10s' },
      ],
    },
  });

  test('are added, changed and taken out', () => {
    expect(withSlo(settings(), 0, {}).jsonData.vllm).toEqual({ slo: [{}] });
    expect(withSlo(rows, 0, { tpot: '50ms' }).jsonData.vllm?.slo?.[0]).toEqual({
      model: 'qwen',
      ttft: '1s',
      tpot: '50ms',
    });
    expect(withSlo(rows, 0, { ttft: '' }).jsonData.vllm?.slo?.[0]).toEqual({ model: 'qwen' });
    expect(withoutSlo(rows, 0).jsonData.vllm?.slo).toEqual([{ model: '*', e2e: '10s' }]);
    expect(withoutSlo(withoutSlo(rows, 0), 0).jsonData.vllm).toBeUndefined();
  });

  test('are tried in their order, which can be changed', () => {
    expect(withSloEarlier(rows, 1).jsonData.vllm?.slo?.map(({ model }) => model)).toEqual(['*', 'qwen']);
    expect(rows.jsonData.vllm?.slo?.[0].model).toBe('qwen');
  });
});
