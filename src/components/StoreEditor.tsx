import React from 'react';
import { t } from '@grafana/i18n';
import { Field, RadioButtonGroup, Stack, Switch } from '@grafana/ui';

import { isSaved, secretName, Settings, withStore } from '../settings';
import {
  AuthMethod,
  authMethods,
  maxResponseBounds,
  Store,
  StoreSecret,
  StoreSettings,
  tenantHeaders,
  timeoutBounds,
} from '../types';
import { durationProblem, headerValueProblem, numberProblem, urlProblem, userProblem } from '../validation';
import { examples, names } from '../untranslated';
import { ConfigSection } from './ConfigSection';
import { HeadersEditor } from './HeadersEditor';
import { LabelsEditor } from './LabelsEditor';
import { SecretField } from './SecretField';
import { TextField } from './TextField';

interface Props {
  store: Store;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

const mebibyte = 1024 * 1024;
const defaultTimeout = `${timeoutBounds.default}s`;
const tlsSecrets = ['TLSCACert', 'TLSClientCert', 'TLSClientKey'] as const;

/** How one store is reached. The three differ in their texts only. */
export function StoreEditor({ store, settings, onChange }: Props) {
  const saved = settings.jsonData[store] ?? {};
  const { title, description, example } = storeTexts()[store];
  const change = (patch: Partial<StoreSettings>) => onChange(withStore(settings, store, patch));
  const id = (field: string) => `vllm-${store}-${field}`;
  const secret = { settings, onChange };
  const auth = saved.auth ?? 'none';
  const has = (field: StoreSecret) => {
    const name = secretName(store, field);
    return isSaved(settings, name) || Boolean(settings.secureJsonData?.[name]);
  };

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
        <SecretField
          {...secret}
          name={secretName(store, 'BearerToken')}
          label={t('store.token', 'Token')}
          missing={t('validation.token-empty', 'This authentication needs a token')}
          header
        />
      )}
      <ConfigSection
        parent={title}
        title={t('store.tls', 'TLS')}
        contents={t('store.tls-contents', 'Certificates, server name, verification')}
        initiallyOpen={Boolean(saved.tls) || tlsSecrets.some(has)}
      >
        <SecretField
          {...secret}
          name={secretName(store, 'TLSCACert')}
          label={t('store.ca', 'CA certificate')}
          description={t('store.ca-description', 'Trusted instead of those of the system')}
          pem="CERTIFICATE"
        />
        <SecretField
          {...secret}
          name={secretName(store, 'TLSClientCert')}
          label={t('store.client-cert', 'Client certificate')}
          description={t('store.client-cert-description', 'Shown to a store that asks who calls (mTLS)')}
          pem="CERTIFICATE"
          missing={has('TLSClientKey') ? t('validation.certificate-empty', 'The key needs its certificate') : undefined}
        />
        <SecretField
          {...secret}
          name={secretName(store, 'TLSClientKey')}
          label={t('store.client-key', 'Client key')}
          pem="PRIVATE KEY"
          missing={has('TLSClientCert') ? t('validation.key-empty', 'The certificate needs its key') : undefined}
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
          invalid={Boolean(saved.tls?.skipVerify) && has('TLSCACert')}
          error={t('validation.skip-verify', 'It makes the CA certificate void: choose one')}
        >
          <Switch
            id={id('skip-verify')}
            value={Boolean(saved.tls?.skipVerify)}
            disabled={settings.readOnly}
            onChange={(event) => change({ tls: tlsOf({ ...saved.tls, skipVerify: event.currentTarget.checked }) })}
          />
        </Field>
      </ConfigSection>
      <ConfigSection
        parent={title}
        title={t('store.calls', 'Calls')}
        contents={t('store.calls-contents', 'Tenant, headers, timeout, identity')}
        initiallyOpen={hasCalls(saved)}
      >
        <TextField
          id={id('tenant')}
          label={t('store.tenant', 'Tenant')}
          description={t('store.tenant-description', 'Sent as {{header}}', { header: tenantHeaders[store] })}
          value={saved.tenant}
          problem={headerValueProblem(saved.tenant)}
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
        parent={title}
        title={store === 'jaeger' ? t('store.attributes', 'Resource attributes') : t('store.labels', 'Labels')}
        contents={t('store.labels-contents', 'What it calls models, pods, environments')}
        description={
          store === 'jaeger'
            ? t(
                'store.attributes-description',
                'Which resource attribute of a span names each of these. Empty = the usual one.'
              )
            : t('store.labels-description', 'Which label names each of these. Empty = the usual one.')
        }
        initiallyOpen={Boolean(saved.labels)}
      >
        <LabelsEditor store={store} settings={settings} onChange={onChange} />
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
