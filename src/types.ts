import { DataSourceJsonData } from '@grafana/data';

import model from './settings.generated.json';

/**
 * What a data source saves, as pkg/settings reads it. Defaults and bounds come from settings.generated.json, which Go
 * writes; types.test.ts holds the names here to that file.
 */

export const stores = ['prometheus', 'loki', 'jaeger'] as const;
export type Store = (typeof stores)[number];

export const authMethods = ['none', 'basic', 'bearer'] as const;
export type AuthMethod = (typeof authMethods)[number];

export const places = ['model', 'environment', 'cluster', 'namespace', 'pod', 'instance', 'engine', 'service'] as const;
export type Place = (typeof places)[number];

/** What one store calls the places of a row; absent = the default, empty = the store does not have it. */
export type LabelNames = Partial<Record<Place, string>>;

/** One store. Without URL it is not configured, which is no error. */
export interface StoreSettings {
  url?: string;
  auth?: AuthMethod;
  basicAuthUser?: string;
  tls?: { skipVerify?: boolean; serverName?: string };
  /** Names; the value of the first is the secret HeaderValue1. An empty name keeps the others' numbers. */
  headers?: string[];
  tenant?: string;
  timeout?: string;
  forwardIdentity?: boolean;
  labels?: LabelNames;
  maxResponseBytes?: number;
}

/** Limits on latency of the models that `model` names: exactly, or with * for any run of characters. */
export interface SloLimits {
  model?: string;
  ttft?: string;
  tpot?: string;
  e2e?: string;
}

/** How the engines at hand name their telemetry, and what is expected of them. */
export interface VllmSettings {
  metricPrefix?: string;
  scrapeInterval?: string;
  spanName?: string;
  engineServices?: string[];
  callerServices?: string[];
  /** Names under which clients ask for a model, besides those that engines and answered calls tell. */
  modelAliases?: string[];
  logSelector?: string;
  /** In the order in which they are tried: the first that names a model is the model's. */
  slo?: SloLimits[];
  gpuPricePerHour?: number;
  /** As it is shown before a price: $, €, CHF. */
  currency?: string;
}

export const limitNames = ['requests', 'tracesPerCall', 'linesPerCall', 'logLines', 'concurrentCalls'] as const;
export type LimitName = (typeof limitNames)[number];

export interface VllmDataSourceOptions extends DataSourceJsonData, Partial<Record<Store, StoreSettings>> {
  vllm?: VllmSettings;
  limits?: Partial<Record<LimitName, number>>;
  enableSecureSocksProxy?: boolean;
}

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
