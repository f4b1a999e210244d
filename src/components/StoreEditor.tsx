import React from 'react';
import { t } from '@grafana/i18n';
import { Field, RadioButtonGroup, Stack, Switch } from '@grafana/ui';

import { secretName, Settings, withStore } from '../settings';
import {
  AuthMethod,
  authMethods,
  defaultLabels,
  maxResponseBounds,
  Place,
  places,
  Store,
  StoreSettings,
  tenantHeaders,
  timeoutBounds,
} from '../types';
import { durationProblem, labelProblem, numberProblem, urlProblem, userProblem } from '../validation';
import { examples, names } from '../untranslated';
import { ConfigSection } from './ConfigSection';
import { HeadersEditor } from './HeadersEditor';
import { SecretField } from './SecretField';
import { TextField } from './TextField';

interface Props {
  store: Store;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

const mebibyte = 1024 * 1024;
const defaultTimeout = `${timeoutBounds.default}s`;

/** How one store is reached. The three differ in their texts only. */
export function StoreEditor({ store, settings, onChange }: Props) {
  const saved = settings.jsonData[store] ?? {};
  const { title, description, example } = storeTexts()[store];
  const change = (patch: Partial<StoreSettings>) => onChange(withStore(settings, store, patch));
  const id = (field: string) => `vllm-${store}-${field}`;
  const secret = { settings, onChange };
  const auth = saved.auth ?? 'none';

  return (
    <ConfigSection title={title} description={description} initiallyOpen>
      <TextField
        id={id('url')}
        label={t('store.url', 'URL')}
        description={
          store === 'jaeger'
            ? t('store.url-grpc', 'Of the gRPC query service: grpc:// in plain text, grpcs:// with TLS')
            : t('store.url-http', 'With the path prefix, if there is one')
        }
        value={saved.url}
        placeholder={example}
        problem={urlProblem(store, saved.url)}
        onChange={(url) => change({ url })}
        width={64}
        disabled={settings.readOnly}
      />
      <Field label={t('store.auth', 'Authentication')} htmlFor={id('auth')}>
        <RadioButtonGroup
          id={id('auth')}
          aria-label={t('store.auth-of', 'Authentication of {{store}}', { store: title })}
          options={authOptions()}
          value={auth}
          disabled={settings.readOnly}
          onChange={(method: AuthMethod) => change({ auth: method === 'none' ? undefined : method })}
        />
      </Field>
      {auth === 'basic' && (
        <Stack gap={2} wrap="wrap">
          <TextField
            id={id('user')}
            label={t('store.user', 'User')}
            value={saved.basicAuthUser}
            problem={userProblem(saved.basicAuthUser)}
            onChange={(basicAuthUser) => change({ basicAuthUser })}
            disabled={settings.readOnly}
          />
          <SecretField
            {...secret}
            name={secretName(store, 'BasicAuthPassword')}
            label={t('store.password', 'Password')}
          />
        </Stack>
      )}
      {auth === 'bearer' && (
        <SecretField {...secret} name={secretName(store, 'BearerToken')} label={t('store.token', 'Token')} />
      )}
      <ConfigSection title={t('store.tls', '{{store}}: TLS', { store: title })} initiallyOpen={Boolean(saved.tls)}>
        <SecretField
          {...secret}
          name={secretName(store, 'TLSCACert')}
          label={t('store.ca', 'CA certificate')}
          description={t('store.ca-description', 'Trusted instead of those of the system')}
          pem={examples.certificate}
        />
        <SecretField
          {...secret}
          name={secretName(store, 'TLSClientCert')}
          label={t('store.client-cert', 'Client certificate')}
          pem={examples.certificate}
        />
        <SecretField
          {...secret}
          name={secretName(store, 'TLSClientKey')}
          label={t('store.client-key', 'Client key')}
          pem={examples.privateKey}
        />
        <TextField
          id={id('server-name')}
          label={t('store.server-name', 'Server name')}
          description={t('store.server-name-description', "Expected in the server's certificate instead of the host")}
          value={saved.tls?.serverName}
          onChange={(serverName) => change({ tls: tlsOf({ ...saved.tls, serverName }) })}
          disabled={settings.readOnly}
        />
        <Field
          label={t('store.skip-verify', 'Skip verification')}
          description={t(
            'store.skip-verify-description',
            'Anyone between here and the store can then read and change it'
          )}
          htmlFor={id('skip-verify')}
        >
          <Switch
            id={id('skip-verify')}
            value={Boolean(saved.tls?.skipVerify)}
            disabled={settings.readOnly}
            onChange={(event) => change({ tls: tlsOf({ ...saved.tls, skipVerify: event.currentTarget.checked }) })}
          />
        </Field>
      </ConfigSection>
      <ConfigSection title={t('store.calls', '{{store}}: calls', { store: title })} initiallyOpen={hasCalls(saved)}>
        <TextField
          id={id('tenant')}
          label={t('store.tenant', 'Tenant')}
          description={t('store.tenant-description', 'Sent as {{header}}', { header: tenantHeaders[store] })}
          value={saved.tenant}
          onChange={(tenant) => change({ tenant })}
          disabled={settings.readOnly}
        />
        <HeadersEditor store={store} settings={settings} onChange={onChange} disabled={Boolean(settings.readOnly)} />
        <Stack gap={2} wrap="wrap">
          <TextField
            id={id('timeout')}
            label={t('store.timeout', 'Timeout')}
            description={t('store.timeout-description', 'Of one call')}
            value={saved.timeout}
            placeholder={defaultTimeout}
            problem={durationProblem(saved.timeout, timeoutBounds)}
            onChange={(timeout) => change({ timeout })}
            width={16}
            disabled={settings.readOnly}
          />
          <TextField
            id={id('max-response')}
            label={t('store.max-response', 'Largest answer, MiB')}
            description={t('store.max-response-description', 'What is larger is refused')}
            type="number"
            value={saved.maxResponseBytes && saved.maxResponseBytes / mebibyte}
            placeholder={String(maxResponseBounds.default / mebibyte)}
            problem={numberProblem(saved.maxResponseBytes, maxResponseBounds) && maxResponseText()}
            onChange={(text) => change({ maxResponseBytes: Math.round(Number(text) * mebibyte) || undefined })}
            width={16}
            disabled={settings.readOnly}
          />
        </Stack>
        <Field
          label={t('store.forward-identity', 'Forward identity')}
          description={t(
            'store.forward-identity-description',
            "Ask with the signed-in user's own token. Alert rules have no user, so they ask with what is set above."
          )}
          htmlFor={id('forward-identity')}
        >
          <Switch
            id={id('forward-identity')}
            value={Boolean(saved.forwardIdentity)}
            disabled={settings.readOnly}
            onChange={(event) => change({ forwardIdentity: event.currentTarget.checked })}
          />
        </Field>
      </ConfigSection>
      <ConfigSection
        title={
          store === 'jaeger'
            ? t('store.attributes', '{{store}}: resource attributes', { store: title })
            : t('store.labels', '{{store}}: labels', { store: title })
        }
        description={t('store.labels-description', 'What this store calls the places that a row names')}
        initiallyOpen={Boolean(saved.labels)}
      >
        <Stack gap={2} wrap="wrap">
          {places.map((place) => (
            <TextField
              key={place}
              id={id(`label-${place}`)}
              label={placeLabels()[place]}
              value={saved.labels?.[place]}
              placeholder={defaultLabels[store][place] || t('store.no-label', 'none')}
              problem={labelProblem(store, saved.labels?.[place])}
              onChange={(name) => change({ labels: labelsOf({ ...saved.labels, [place]: name || undefined }) })}
              width={32}
              disabled={settings.readOnly}
            />
          ))}
        </Stack>
      </ConfigSection>
    </ConfigSection>
  );
}

function hasCalls({ tenant, headers, timeout, maxResponseBytes, forwardIdentity }: StoreSettings): boolean {
  return Boolean(tenant || headers?.length || timeout || maxResponseBytes || forwardIdentity);
}

function tlsOf(tls: NonNullable<StoreSettings['tls']>): StoreSettings['tls'] {
  return tls.skipVerify || tls.serverName
    ? { skipVerify: tls.skipVerify || undefined, serverName: tls.serverName || undefined }
    : undefined;
}

function labelsOf(labels: NonNullable<StoreSettings['labels']>): StoreSettings['labels'] {
  return Object.values(labels).some((name) => name !== undefined) ? labels : undefined;
}

function maxResponseText(): string {
  return t('store.max-response-bounds', 'Between {{min}} and {{max}}', {
    min: maxResponseBounds.min / mebibyte,
    max: Math.floor(maxResponseBounds.max / mebibyte),
  });
}

function authOptions() {
  const labels: Record<AuthMethod, string> = {
    none: t('store.auth-none', 'None'),
    basic: t('store.auth-basic', 'Basic'),
    bearer: t('store.auth-bearer', 'Bearer token'),
  };
  return authMethods.map((value) => ({ value, label: labels[value] }));
}

function placeLabels(): Record<Place, string> {
  return {
    model: t('place.model', 'Model'),
    environment: t('place.environment', 'Environment'),
    namespace: t('place.namespace', 'Namespace'),
    pod: t('place.pod', 'Pod'),
    instance: t('place.instance', 'Instance'),
    engine: t('place.engine', 'Engine'),
    service: t('place.service', 'Service'),
  };
}

function storeTexts(): Record<Store, { title: string; description: string; example: string }> {
  return {
    prometheus: {
      title: names.prometheus,
      description: t(
        'store.prometheus',
        "The engines' state and key figures. Mimir, Thanos, VictoriaMetrics and Cortex answer the same calls."
      ),
      example: examples.prometheus,
    },
    loki: {
      title: names.loki,
      description: t('store.loki', "vLLM's log lines: the requests that failed or were aborted, and why."),
      example: examples.loki,
    },
    jaeger: {
      title: names.jaeger,
      description: t('store.jaeger', "The engines' spans: every request's phases, and who called."),
      example: examples.jaeger,
    },
  };
}
