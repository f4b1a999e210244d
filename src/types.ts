import { DataSourceJsonData } from '@grafana/data';

import model from './settings.generated.json';
import { LimitName, Place, SavedSettings, Store } from './settings.generated';

/**
 * What a data source saves, as pkg/settings reads it. Go writes both files: settings.generated.ts has the types,
 * settings.generated.json has defaults and bounds.
 */
export * from './settings.generated';

/** What one store calls the places of a row. Absent: the default name. Empty: the store does not have this place. */
export type LabelNames = Partial<Record<Place, string>>;

export interface VllmDataSourceOptions extends DataSourceJsonData, SavedSettings {
  enableSecureSocksProxy?: boolean;
}

/** The end of a secret's name. HeaderValue1 is the value of the first of StoreSettings.headers. */
export type StoreSecret =
  'BasicAuthPassword' | 'BearerToken' | 'TLSCACert' | 'TLSClientCert' | 'TLSClientKey' | `HeaderValue${number}`;

export type SecretName = `${Store}${StoreSecret}`;

export type VllmSecrets = Partial<Record<SecretName, string>>;

/** The bounds of a number, and what it is when it is not set. */
export interface Bounds {
  default: number;
  min: number;
  max: number;
}

export const defaultLabels: Record<Store, LabelNames> = model.labels;
/** Headers that belong to a connection and cannot be set. */
export const connectionHeaders: readonly string[] = model.connectionHeaders;
export const tenantHeaders: Record<Store, string> = model.tenantHeaders;
export const defaultVllm = model.vllm;
export const limitBounds: Record<LimitName, Bounds> = model.limits;
export const maxResponseBounds: Bounds = model.maxResponseBytes;
export const timeoutBounds: Bounds = model.timeoutSeconds;
export const scrapeIntervalBounds: Bounds = model.scrapeIntervalSeconds;
export const sloBounds = model.slo;
export const gpuPriceBounds: Bounds = model.gpuPricePerHour;
export const currencyLength = model.currencyLength;
