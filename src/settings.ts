import { DataSourceSettings } from '@grafana/data';

import {
  LimitName,
  SecretName,
  Store,
  StoreSecret,
  StoreSettings,
  VllmDataSourceOptions,
  VllmSecrets,
  VllmSettings,
} from './types';

/** What the config editor changes: settings in, settings out. What is empty is not saved, so that defaults stay defaults. */
export type Settings = DataSourceSettings<VllmDataSourceOptions, VllmSecrets>;

export function secretName<Secret extends StoreSecret>(store: Store, secret: Secret): `${Store}${Secret}` {
  return `${store}${secret}`;
}

export function withStore(settings: Settings, store: Store, patch: Partial<StoreSettings>): Settings {
  return withJson(settings, { [store]: filled({ ...settings.jsonData[store], ...patch }) });
}

export function withVllm(settings: Settings, patch: Partial<VllmSettings>): Settings {
  return withJson(settings, { vllm: filled({ ...settings.jsonData.vllm, ...patch }) });
}

export function withLimit(settings: Settings, limit: LimitName, value: number | undefined): Settings {
  return withJson(settings, { limits: filled({ ...settings.jsonData.limits, [limit]: value }) });
}

export function withSecret(settings: Settings, name: SecretName, value: string): Settings {
  return { ...settings, secureJsonData: { ...settings.secureJsonData, [name]: value } };
}

/** Forgets a secret when the settings are saved, and lets a new one be typed. */
export function withoutSecret(settings: Settings, name: SecretName): Settings {
  return {
    ...withSecret(settings, name, ''),
    secureJsonFields: { ...settings.secureJsonFields, [name]: false },
  };
}

export function isSaved(settings: Settings, name: SecretName): boolean {
  return Boolean(settings.secureJsonFields?.[name]);
}

/** Names header i. The headers' values are numbered, so a gap is kept where one was taken out. */
export function withHeader(settings: Settings, store: Store, i: number, name: string): Settings {
  const headers = [...(settings.jsonData[store]?.headers ?? [])];
  while (headers.length <= i) {
    headers.push('');
  }
  headers[i] = name;
  while (headers.length && !headers[headers.length - 1]) {
    headers.pop();
  }
  return withStore(settings, store, { headers });
}

export function withoutHeader(settings: Settings, store: Store, i: number): Settings {
  return withoutSecret(withHeader(settings, store, i, ''), headerSecret(store, i));
}

/** The secret that holds the value of header i. */
export function headerSecret(store: Store, i: number): SecretName {
  return secretName(store, `HeaderValue${i + 1}`);
}

function withJson(settings: Settings, patch: Partial<VllmDataSourceOptions>): Settings {
  return { ...settings, jsonData: { ...settings.jsonData, ...patch } };
}

/** Leaves out what is empty; undefined when nothing is left. */
function filled<Section extends object>(section: Section): Section | undefined {
  const kept = Object.entries(section).filter(
    ([, value]) => value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && !value.length)
  );
  return kept.length ? (Object.fromEntries(kept) as Section) : undefined;
}
