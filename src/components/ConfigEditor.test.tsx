import React, { useState } from 'react';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { Settings } from '../settings';
import { stores } from '../types';
import { ConfigEditor } from './ConfigEditor';

const onOptionsChange = jest.fn();
const user = userEvent.setup();

beforeEach(() => jest.clearAllMocks());

/** Shows the editor as the settings page does: what it says comes back as its options. */
function show(part: Partial<Settings> = {}) {
  function Page() {
    const settings = { jsonData: {}, secureJsonFields: {}, secureJsonData: {}, readOnly: false, ...part };
    const [options, setOptions] = useState(settings as Settings);
    return (
      <ConfigEditor
        options={options}
        onOptionsChange={(changed) => {
          onOptionsChange(changed);
          setOptions(changed);
        }}
      />
    );
  }
  return render(<Page />);
}

function section(name: string) {
  return within(screen.getByRole('region', { name }));
}

/** Adds to what stands in a field, all at once: every change redraws some sixty fields. */
async function fill(field: HTMLElement, text: string) {
  await user.click(field);
  await user.paste(text);
}

function last(): Settings {
  return onOptionsChange.mock.lastCall[0];
}

test('there is a section for every store, for vLLM and for limits', () => {
  show();
  for (const name of ['Prometheus', 'Loki', 'Jaeger', 'vLLM', 'Limits']) {
    expect(screen.getByRole('region', { name })).toBeInTheDocument();
  }
});

test('every field has a label, also in the parts that are folded', async () => {
  const every = {
    auth: 'basic',
    tls: { serverName: 'x' },
    tenant: 'x',
    headers: ['X-One'],
    labels: { pod: 'x' },
  } as const;
  const vllm = { slo: [{ model: 'x', ttft: '1s' }, {}], metricPrefix: 'x' };
  const { container } = show({
    jsonData: {
      ...Object.fromEntries(stores.map((store) => [store, { ...every, headers: [...every.headers] }])),
      limits: { requests: 1 },
      vllm,
    },
  });
  const inputs = container.querySelectorAll('input, textarea');
  expect(inputs.length).toBeGreaterThan(80);
  for (const input of inputs) {
    expect(input).toHaveAccessibleName();
  }
  expect(new Set([...inputs].map(({ id }) => id)).size).toBe(inputs.length);
});

test('each store keeps its own address', async () => {
  show();
  await fill(section('Prometheus').getByLabelText(/^URL/), 'http://p');
  await fill(section('Jaeger').getByLabelText(/^URL/), 'grpc://j:1');
  expect(last().jsonData).toEqual({ prometheus: { url: 'http://p' }, jaeger: { url: 'grpc://j:1' } });
});

test('an address that a store cannot have is called that', async () => {
  show();
  await fill(section('Jaeger').getByLabelText(/^URL/), 'grpc://jaeger');
  expect(section('Jaeger').getByRole('alert')).toHaveTextContent('It names a port');
});

test('basic authentication asks for user and password', async () => {
  show();
  const loki = section('Loki');
  await user.click(loki.getByLabelText('Basic'));
  await fill(loki.getByLabelText('User'), 'reader');
  await fill(loki.getByLabelText('Password'), 'hunter2');
  expect(last().jsonData).toEqual({ loki: { auth: 'basic', basicAuthUser: 'reader' } });
  expect(last().secureJsonData).toEqual({ lokiBasicAuthPassword: 'hunter2' });
});

test('a secret that is saved is not shown, and can be reset', async () => {
  show({
    jsonData: { prometheus: { auth: 'bearer' } },
    secureJsonFields: { prometheusBearerToken: true, lokiBearerToken: true },
  });
  const prometheus = section('Prometheus');
  expect(prometheus.getByLabelText('Token')).toHaveValue('configured');
  expect(prometheus.getByLabelText('Token')).toBeDisabled();
  await user.click(prometheus.getByRole('button', { name: 'Reset' }));
  expect(last().secureJsonFields).toEqual({ prometheusBearerToken: false, lokiBearerToken: true });
  expect(last().secureJsonData).toEqual({ prometheusBearerToken: '' });
  expect(prometheus.getByLabelText('Token')).toBeEnabled();
});

test('the certificates of a store are its own', async () => {
  show();
  await user.click(screen.getByRole('button', { name: 'Jaeger: TLS' }));
  await fill(screen.getByLabelText(/^CA certificate/), 'pem');
  await user.click(screen.getByLabelText(/^Skip verification/));
  expect(last().secureJsonData).toEqual({ jaegerTLSCACert: 'pem' });
  expect(last().jsonData).toEqual({ jaeger: { tls: { skipVerify: true } } });
});

test('headers are added, named, given a value and taken out', async () => {
  show({ jsonData: { loki: { headers: ['X-One', 'X-Two'] } }, secureJsonFields: { lokiHeaderValue1: true } });
  const calls = section('Loki: Calls');
  await user.click(calls.getByRole('button', { name: 'Remove header 1' }));
  expect(last().jsonData.loki?.headers).toEqual(['', 'X-Two']);
  expect(last().secureJsonFields).toMatchObject({ lokiHeaderValue1: false });

  await user.click(calls.getByRole('button', { name: 'Add header' }));
  await fill(calls.getByLabelText('Name of header 1'), 'X-New');
  await fill(calls.getByLabelText('Value of header 1'), 'secret');
  expect(last().jsonData.loki?.headers).toEqual(['X-New', 'X-Two']);
  expect(last().secureJsonData).toEqual({ lokiHeaderValue1: 'secret' });
});

test('labels, durations and limits say what they cannot be', async () => {
  show({ jsonData: { limits: { requests: 10 } } });
  await user.click(screen.getByRole('button', { name: 'Prometheus: Labels' }));
  await fill(screen.getByLabelText('Pod'), 'k8s pod');
  expect(screen.getByText('No label can be called that')).toBeInTheDocument();

  await fill(screen.getByLabelText(/^Scrape interval/), '1h');
  expect(screen.getByText('Between 1 s and 300 s')).toBeInTheDocument();

  await fill(screen.getByLabelText(/^Calls at once/), '99');
  expect(screen.getByText('Between 1 and 32')).toBeInTheDocument();
  expect(last().jsonData.limits).toEqual({ requests: 10, concurrentCalls: 99 });
});

test('the largest answer is said in MiB and saved in bytes', async () => {
  show({ jsonData: { loki: { maxResponseBytes: 64 * 1024 * 1024 } } });
  expect(screen.getByLabelText(/^Largest answer/)).toHaveValue(64);
  await fill(screen.getByLabelText(/^Largest answer/), '0');
  expect(last().jsonData.loki?.maxResponseBytes).toBe(640 * 1024 * 1024);
});

test('a label is the usual one, another one, or not there at all', async () => {
  show({ jsonData: { loki: { labels: { pod: 'k8s_pod_name' } } } });
  const labels = section('Loki: Labels');
  expect(labels.getByLabelText('Pod')).toHaveValue('k8s_pod_name');
  expect(labels.getByLabelText('Namespace')).toHaveAttribute('placeholder', 'namespace');
  expect(labels.queryByLabelText('Model is not in this store')).not.toBeInTheDocument();

  await user.click(labels.getByLabelText('Environment is not in this store'));
  expect(last().jsonData.loki?.labels).toEqual({ pod: 'k8s_pod_name', environment: '' });
  expect(labels.getByLabelText('Environment')).toBeDisabled();

  await user.click(labels.getByLabelText('Environment is not in this store'));
  await user.clear(labels.getByLabelText('Pod'));
  expect(last().jsonData.loki).toBeUndefined();
});

test('a price is a number, its currency a sign', async () => {
  show();
  await fill(screen.getByLabelText(/^GPU price per hour/), '2.5');
  await fill(screen.getByLabelText(/^Currency/), '€');
  expect(last().jsonData.vllm).toEqual({ gpuPricePerHour: 2.5, currency: '€' });
  await user.clear(screen.getByLabelText(/^GPU price per hour/));
  await fill(screen.getByLabelText(/^GPU price per hour/), '-1');
  expect(screen.getByText('Between 0 and 1000000000')).toBeInTheDocument();
});

test('what belongs together is asked for together', async () => {
  show({ jsonData: { loki: { auth: 'bearer', headers: ['X-Key'] } }, secureJsonFields: { jaegerTLSClientCert: true } });
  expect(screen.getByText('This authentication needs a token')).toBeInTheDocument();
  expect(screen.getByText('A header needs a value')).toBeInTheDocument();
  expect(screen.getByText('The certificate needs its key')).toBeInTheDocument();
  await fill(section('Jaeger').getByLabelText('Client key'), 'not a key');
  expect(screen.getByText(/^A PEM text/)).toBeInTheDocument();
});

test('provisioned settings cannot be changed', () => {
  const { container } = show({
    readOnly: true,
    jsonData: {
      loki: { url: 'http://loki', auth: 'basic', headers: ['X-One'], tls: { serverName: 'x' }, labels: { pod: 'x' } },
      vllm: { slo: [{ model: 'x', ttft: '1s' }], metricPrefix: 'x', engineServices: ['x'] },
      limits: { requests: 1 },
    },
    secureJsonFields: { lokiBasicAuthPassword: true, lokiHeaderValue1: true, lokiTLSCACert: true },
  });
  for (const field of container.querySelectorAll('input, textarea')) {
    expect(field).toBeDisabled();
  }
  for (const button of screen.queryAllByRole('button')) {
    expect(button.hasAttribute('aria-expanded') || button.hasAttribute('disabled')).toBe(true);
  }
});
