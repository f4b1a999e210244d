import { DataSourceSettings } from '@grafana/data';

import {
  LimitName,
  Place,
  SecretName,
  SloLimits,
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

/** Says what a store calls a place; empty = it does not have it, undefined = the default. */
export function withLabel(settings: Settings, store: Store, place: Place, name: string | undefined): Settings {
  const labels = { ...settings.jsonData[store]?.labels, [place]: name };
  const kept = Object.entries(labels).filter(([, saved]) => saved !== undefined);
  return withStore(settings, store, { labels: kept.length ? Object.fromEntries(kept) : undefined });
}

/** Changes one row of the limits; a row beyond the last is added. */
export function withSlo(settings: Settings, i: number, patch: SloLimits): Settings {
  const rows = [...(settings.jsonData.vllm?.slo ?? [])];
  rows[i] = filled({ ...rows[i], ...patch }) ?? {};
  return withVllm(settings, { slo: rows });
}

export function withoutSlo(settings: Settings, i: number): Settings {
  return withVllm(settings, { slo: settings.jsonData.vllm?.slo?.filter((_, other) => other !== i) });
}

/** Has row i tried one place earlier. */
export function withSloEarlier(settings: Settings, i: number): Settings {
  const rows = [...(settings.jsonData.vllm?.slo ?? [])];
  [rows[i - 1], rows[i]] = [rows[i], rows[i - 1]];
  return withVllm(settings, { slo: rows });
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
