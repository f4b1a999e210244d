import { BackendSrv, BackendSrvRequest, FetchResponse } from '@grafana/runtime';
import { from, Observable } from 'rxjs';

import pluginJson from '../../../plugin.json';

export const pluginPath = `/public/plugins/${pluginJson.id}`;

/** Calls the server as Grafana's own backendSrv does, as far as plugins rely on it. */
async function call<T>({ url, method = 'GET', params = {}, data, headers, abortSignal }: BackendSrvRequest) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) {
        query.append(name, one);
      }
    }
  }
  const config = { url, method, params, data, headers };
  const response = await fetch(query.size ? `${url}?${query}` : url, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: data && JSON.stringify(data),
    signal: abortSignal,
  });
  const { ok, status, statusText, redirected, type } = response;
  const text = await response.text();
  const answer: T = text ? JSON.parse(text) : undefined;
  if (!ok) {
    throw { status, statusText, data: answer, config };
  }
  const got: FetchResponse<T> = {
    data: answer,
    ok,
    status,
    statusText,
    redirected,
    type,
    url,
    config,
    headers: response.headers,
  };
  return got;
}

/** What is left out is what no editor calls: a plugin that does so fails with a word on it. */
export const backendSrv: Pick<BackendSrv, 'fetch' | 'get' | 'put'> = {
  fetch: <T>(options: BackendSrvRequest): Observable<FetchResponse<T>> => from(call<T>(options)),
  get: async <T>(url: string, params?: Record<string, unknown>) => (await call<T>({ url, params })).data,
  put: async <T>(url: string, data?: unknown) => (await call<T>({ url, method: 'PUT', data })).data,
};
