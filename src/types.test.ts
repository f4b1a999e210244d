import model from './settings.generated.json';
import { authMethods, limitNames, places, SloLimits, stores, StoreSettings, VllmSettings } from './types';

type Fields<Type> = Record<keyof Required<Type>, true>;

describe('the settings agree with pkg/settings', () => {
  test('in the stores, the methods of authentication and the places', () => {
    expect(model.stores).toEqual(stores);
    expect(model.authMethods).toEqual(authMethods);
    expect(Object.keys(model.labels.prometheus)).toEqual(places);
  });

  test('in the fields of a store', () => {
    const fields: Fields<StoreSettings> = {
      url: true,
      auth: true,
      basicAuthUser: true,
      tls: true,
      headers: true,
      tenant: true,
      timeout: true,
      forwardIdentity: true,
      labels: true,
      maxResponseBytes: true,
    };
    expect(model.storeFields).toEqual(Object.keys(fields));
  });

  test('in the fields of vLLM', () => {
    const fields: Fields<VllmSettings> = {
      metricPrefix: true,
      scrapeInterval: true,
      spanName: true,
      engineServices: true,
      callerServices: true,
      modelAliases: true,
      logSelector: true,
      slo: true,
      gpuPricePerHour: true,
      currency: true,
    };
    expect(model.vllmFields).toEqual(Object.keys(fields));
    const slo: Fields<SloLimits> = { model: true, ttft: true, tpot: true, e2e: true };
    expect(model.slo.fields).toEqual(Object.keys(slo));
  });

  test('in the limits', () => {
    expect(model.limitFields).toEqual(limitNames);
    expect(Object.keys(model.limits).sort()).toEqual([...limitNames].sort());
  });
});
