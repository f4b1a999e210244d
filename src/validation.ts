import { t } from '@grafana/i18n';

import { parseDuration } from './duration';
import { Bounds, Store } from './types';

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
  if (!/^(\[[0-9a-f:.]+\]|[^:[\]]+)(:\d+)?$/i.test(authority)) {
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

/** Attribute names of spans are freer than the labels of Prometheus and Loki. */
export function labelProblem(store: Store, name: string | undefined): Problem {
  const grammar = store === 'jaeger' ? /^[a-zA-Z0-9_./:-]*$/ : /^([a-zA-Z_][a-zA-Z0-9_]*)?$/;
  return grammar.test(name ?? '') ? undefined : t('validation.label', 'No label can be called that');
}

export function headerProblem(name: string): Problem {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]*$/.test(name)
    ? undefined
    : t('validation.header', 'No header can be called that');
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

export function userProblem(user: string | undefined): Problem {
  return user?.includes(':')
    ? t('validation.user-colon', 'Basic authentication separates user and password by a colon: none may be in the name')
    : undefined;
}
