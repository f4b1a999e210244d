import { t } from '@grafana/i18n';

import { parseDuration } from './duration';
import {
  Bounds,
  connectionHeaders,
  currencyLength,
  SloLimits,
  sloBounds,
  Store,
  StoreSettings,
  tenantHeaders,
} from './types';

/**
 * What is wrong with a setting, in words; undefined when nothing is. pkg/settings decides, and says the same when the
 * settings are saved: here it is only said earlier. Empty is never wrong: it means the default.
 */
type Problem = string | undefined;

export function urlProblem(store: Store, text: string | undefined): Problem {
  const address = text?.trim();
  if (!address) {
    return undefined;
  }
  const grpc = store === 'jaeger';
  const [, scheme, authority, rest] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)(.*)$/i.exec(address) ?? [];
  if (grpc ? scheme && !/^(grpcs?|https?)$/i.test(scheme) : !/^https?$/i.test(scheme ?? '')) {
    return grpc
      ? t('validation.grpc-scheme', 'It begins with grpc:// or, with TLS, grpcs://')
      : t('validation.http-scheme', 'It begins with http:// or https://');
  }
  if (authority.includes('@')) {
    return t('validation.user', 'Leave out user and password: basic authentication keeps them secret');
  }
  if (!/^(\[[0-9a-f:.]+(%[\w.-]+)?\]|\w([\w-]*\w)?(\.\w([\w-]*\w)?)*\.?)(:\d+)?$/i.test(authority)) {
    return t('validation.host', 'It names a host');
  }
  if (/[?#]/.test(rest)) {
    return t('validation.query', 'It ends with the path, without ? or #');
  }
  if (grpc && !/:\d+$/.test(authority)) {
    return t('validation.port', 'It names a port, such as grpc://jaeger:16685');
  }
  if (grpc && rest.replace(/^\//, '')) {
    return t('validation.path', 'gRPC knows no path: host and port are all');
  }
  return undefined;
}

/** A duration between two bounds, which are seconds; a bare number is seconds too. */
export function durationProblem(text: string | undefined, { min, max }: Bounds): Problem {
  if (!text?.trim()) {
    return undefined;
  }
  const seconds = Number.isFinite(Number(text)) ? Number(text) : parseDuration(text);
  if (seconds === undefined) {
    return t('validation.duration', 'A duration such as 30s or 2m');
  }
  return seconds < min || seconds > max
    ? t('validation.duration-bounds', 'Between {{min}} s and {{max}} s', { min, max })
    : undefined;
}

export function numberProblem(value: number | undefined, { min, max }: Bounds): Problem {
  return value !== undefined && (value < min || value > max)
    ? t('validation.number-bounds', 'Between {{min}} and {{max}}', { min, max })
    : undefined;
}

/** Prometheus takes any text since version 3, such as k8s.pod.name; Loki takes letters, digits and underscores. */
export function labelProblem(store: Store, name: string | undefined): Problem {
  const grammar = {
    prometheus: /^[^\p{C}\p{Z}\uFFFD]{0,200}$/u,
    loki: /^([a-zA-Z_][a-zA-Z0-9_]*)?$/,
    jaeger: /^[a-zA-Z0-9_./:-]*$/,
  }[store];
  return grammar.test(name ?? '') ? undefined : t('validation.label', 'No label can be called that');
}

/** What a store is sent about the signed-in user. */
const identityHeaders = ['authorization', 'cookie', 'x-id-token', 'x-grafana-id'];

/** What is wrong with the name of header i of a store. */
export function headerProblem(
  store: Store,
  { headers = [], auth, tenant, forwardIdentity }: StoreSettings,
  i: number
): Problem {
  const name = (headers[i] ?? '').toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]*$/.test(name)) {
    return t('validation.header', 'No header can be called that');
  }
  if (connectionHeaders.some((other) => other.toLowerCase() === name) || (store === 'jaeger' && /^grpc-/.test(name))) {
    return t('validation.header-connection', 'It belongs to the connection and cannot be set');
  }
  if (name === 'authorization' && auth && auth !== 'none') {
    return t('validation.header-auth', 'It is already set by the authentication');
  }
  if (forwardIdentity && identityHeaders.includes(name)) {
    return t('validation.header-identity', 'It is already set by the identity of the user');
  }
  if (name === tenantHeaders[store].toLowerCase() && tenant) {
    return t('validation.header-tenant', 'It is already set by the tenant');
  }
  return name && headers.slice(0, i).some((other) => other.toLowerCase() === name)
    ? t('validation.header-twice', 'It is already set by another header')
    : undefined;
}

export function metricPrefixProblem(prefix: string | undefined): Problem {
  return /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix ?? '')
    ? undefined
    : t('validation.metric-prefix', 'No metric name can begin with that');
}

export function logSelectorProblem(selector: string | undefined): Problem {
  const text = selector?.trim();
  const quoted = /"(?:[^"\\]|\\.)*"|`[^`]*`/g;
  return !text || /^\{[^{}"`]*[^{}"`\s][^{}"`]*\}$/.test(text.replace(quoted, 'x'))
    ? undefined
    : t('validation.log-selector', 'It looks like {container="vllm"}');
}

/** What is sent in a header as it is. A dash, a quote or a space that a word processor put in is not seen and lets nobody in. */
export function headerValueProblem(text: string | undefined): Problem {
  const value = text ?? '';
  if (/[\u0000-\u001f\u007f]/.test(value)) {
    return t('validation.value-control', 'It holds a line break or another control character');
  }
  const at = [...value].findIndex((sign) => sign > '\u007e');
  if (at >= 0) {
    return t(
      'validation.value-ascii',
      'Character {{at}} is not ASCII: a header takes letters, digits and signs of ASCII only',
      {
        at: at + 1,
      }
    );
  }
  return value.trim() !== value
    ? t('validation.value-space', 'It begins or ends with a space, which a header would lose')
    : undefined;
}

/** The user of basic authentication, which cannot do without. */
export function userProblem(user: string | undefined): Problem {
  if (!user) {
    return t('validation.user-empty', 'Basic authentication needs a user');
  }
  return user.includes(':')
    ? t('validation.user-colon', 'Basic authentication separates user and password by a colon: none may be in the name')
    : headerValueProblem(user);
}

/** A certificate or key as text; whether it is a sound one, the backend tells. */
export function pemProblem(text: string | undefined, kind: 'CERTIFICATE' | 'PRIVATE KEY'): Problem {
  return text?.trim() && !new RegExp(`-----BEGIN ([A-Z]+ )*${kind}-----`).test(text)
    ? t('validation.pem', 'A PEM text: it begins with -----BEGIN {{kind}}-----', { kind })
    : undefined;
}

/** A limit on latency. A bare number is none: benchmarks mean milliseconds, other settings seconds. */
export function latencyProblem(text: string | undefined): Problem {
  if (!text?.trim()) {
    return undefined;
  }
  const seconds = parseDuration(text);
  const { min, max } = sloBounds.latencySeconds;
  if (seconds === undefined) {
    return t('validation.latency', 'A time with its unit, such as 500ms or 2s');
  }
  return seconds < min || seconds > max
    ? t('validation.latency-bounds', 'Between {{min}} ms and {{max}} minutes', { min: min * 1000, max: max / 60 })
    : undefined;
}

/** What is wrong with row i of the limits as a whole. A row that says nothing yet is not wrong: it is not saved. */
export function sloProblem(rows: readonly SloLimits[], i: number): Problem {
  const { model = '', ttft, tpot, e2e } = rows[i];
  const limited = Boolean(ttft || tpot || e2e);
  if (limited && !model) {
    return t('validation.slo-model', 'Which model? * is every model');
  }
  if (model.length > sloBounds.modelLength) {
    return t('validation.slo-model-length', 'At most {{length}} characters', { length: sloBounds.modelLength });
  }
  if (model && !limited) {
    return t('validation.slo-limit', 'Set at least one limit');
  }
  const earlier = rows.slice(0, i).findIndex((row) => row.model && (row.model === model || /^\*+$/.test(row.model)));
  return model && earlier >= 0
    ? t('validation.slo-hidden', 'Never used: row {{row}} already is for {{model}}', {
        row: earlier + 1,
        model: rows[earlier].model === model ? model : t('validation.slo-every', 'every model'),
        interpolation: { escapeValue: false },
      })
    : undefined;
}

export function currencyProblem(currency: string | undefined): Problem {
  return new TextEncoder().encode(currency?.trim()).length > currencyLength
    ? t('validation.currency', 'A sign or a code, such as $ or CHF')
    : undefined;
}
