import { board } from '../kit/board';
import { explainedByInstance } from '../kit/explained';
import { look, steps, unit, words } from '../kit/fields';
import { toInstance, toModel } from '../kit/links';
import { chart, stat, table } from '../kit/panels';
import { coverage, promql, requests, target } from '../kit/queries';
import { empty } from '../kit/shared';

const share = words('explained_ratio with_model with_engine_state');

export const joinCoverage = board({
  uid: 'vllm-coverage',
  title: 'vLLM: join coverage',
  description: 'How reliable the rows of requests are: what was seen, what is missing, and how to get it.',
  last: '30m',
  next: [
    ['Requests', 'vllm-requests'],
    ['Health', 'vllm-health'],
  ],
  panels: [
    stat({
      title: 'The window in numbers',
      about: {
        shows:
          'Rows by the evidence they rest on. matched has a span and lines; log_only is normal for aborted requests, caller_only for refused ones.',
        bad: 'stores_failed, stores_blind or stores_truncated above 0; trace_only or lines_unmatched that grow: lines or spans are lost.',
        do: '“Save & test” on the data source names what is missing and the flag or label that brings it.',
      },
      ask: coverage({ form: 'table' }),
      width: 24,
      height: 4,
      empty: empty.requests,
      decimals: 0,
      show: '/^(rows|matched|trace_only|log_only|caller_only|ambiguous|lines_unmatched|log_skew|stores_failed|stores_blind|stores_truncated|dropped)$/',
      calc: 'firstNotNull',
      size: 24,
      looks: [
        look(/^(rows|matched|trace_only|log_only|caller_only|lines_unmatched|dropped)$/, { unit: unit.none }),
        look(/^stores_/, { steps: steps.anything }),
        look('ambiguous', { steps: ['green', [1, 'orange']] }),
        look('log_skew', { decimals: 1 }),
      ],
    }),
    explainedByInstance({
      title: 'Explained by rows, by instance',
      about: {
        bad: 'Below 95 %: spans or lines of that instance are lost on their way.',
        do: 'Look for sampling, a full collector queue, a missing --otlp-traces-endpoint.',
      },
      width: 8,
      height: 10,
    }),
    chart({
      title: 'Explained, over time',
      about: {
        shows: 'The same ratio in steps of the window, by instance.',
        bad: 'A drop that lasts: since then evidence is lost. A single step beside a restart is the counter’s.',
        do: 'Compare with the events, and with the collector’s refusals below.',
      },
      ask: coverage({ form: 'timeseries', metric: 'explained_ratio' }),
      width: 16,
      height: 10,
      empty: empty.engines,
      unit: unit.ratio,
      softMin: 0.8,
      softMax: 1.1,
      steps: ['red', [0.95, 'transparent']],
      limits: true,
      name: '${__field.labels.instance}',
      fill: 0,
      legend: ['min', 'mean'],
      legendAt: 'right',
    }),
    chart({
      title: 'Rows that know their model and engine',
      about: {
        shows: 'Share of rows whose model is known, and of those with the engine’s state at arrival.',
        bad: 'A with_model below 100 %: spans do not name their server. A lower with_engine_state: an instance has several engines and the span names none, or its metrics were too old.',
        do: 'Set OTEL_RESOURCE_ATTRIBUTES=service.instance.id=… as the scrape’s instance; check the scrape interval in the settings.',
      },
      ask: share.slice(1).map((metric) => coverage({ form: 'timeseries', metric })),
      width: 8,
      height: 8,
      empty: empty.requests,
      unit: unit.ratio,
      max: 1,
      fill: 0,
    }),
    table({
      title: 'Rows by what contributed',
      about: {
        shows: 'How many of the newest 10,000 rows rest on which stores, with how they ended.',
        bad: 'trace+metrics without logs for requests that ended ok: their lines are lost. logs+metrics with ok: their span is lost.',
        do: 'Lines: Loki’s ingestion, --enable-log-requests. Spans: the collector, sampling.',
      },
      ask: requests({ sort: { column: 'time', desc: true }, limit: 10_000 }),
      width: 8,
      height: 8,
      empty: empty.requests,
      fields: words('signals status request_id time'),
      transformations: [
        {
          id: 'groupBy',
          options: {
            fields: {
              signals: { aggregations: [], operation: 'groupby' },
              status: { aggregations: [], operation: 'groupby' },
              time: { aggregations: ['count'], operation: 'aggregate' },
            },
          },
        },
      ],
      looks: [look('time (count)', { name: 'rows', unit: unit.none, decimals: 0, width: 80 })],
      sortBy: { field: 'rows', desc: true },
    }),
    chart({
      title: 'Refused or lost at the collector',
      about: {
        shows: 'Spans and lines per second that an OpenTelemetry Collector did not take, or could not hand on.',
        bad: 'Anything above zero is evidence lost.',
        do: 'Raise its memory limit and queue; see why the store refuses. Runbook: VLLMTelemetryRefused.',
      },
      ask: [
        promql(
          'sum by (exporter) (rate({__name__=~"otelcol_exporter_send_failed_(spans|log_records)(_total)?"}[$__rate_interval]))',
          'not delivered: {{exporter}}'
        ),
        promql(
          'sum by (receiver) (rate({__name__=~"otelcol_receiver_refused_(spans|log_records)(_total)?"}[$__rate_interval]))',
          'refused: {{receiver}}'
        ),
      ],
      width: 8,
      height: 8,
      empty:
        'No OpenTelemetry Collector is scraped: vLLM sends straight to the stores, or the collector’s own metrics are not collected.',
      unit: unit.eventsPerSecond,
    }),
    table({
      title: 'By model and instance',
      about: {
        shows: 'What each engine counted beside the rows found for it.',
        bad: 'One instance far below the others: its configuration differs.',
        do: 'Compare its flags and resource attributes with a good one’s.',
      },
      ask: coverage({ form: 'table' }),
      width: 14,
      height: 8,
      empty: empty.engines,
      fields: words('model namespace instance engine_finished rows_finished explained_ratio'),
      looks: [
        look('model', { links: [toModel] }),
        look('instance', { links: [toInstance], width: 190 }),
        look('namespace', { width: 140 }),
        look('engine_finished', { name: 'counted', unit: unit.none, width: 90 }),
        look('rows_finished', { name: 'rows', unit: unit.none, width: 80 }),
        look('explained_ratio', {
          name: 'explained',
          decimals: 1,
          steps: steps.explained,
          cell: 'coloured',
          width: 100,
        }),
      ],
    }),
    chart({
      title: 'Time that scrapes take',
      about: {
        shows: 'Seconds in which each vLLM answers Prometheus.',
        bad: 'Near the scrape timeout: a busy API server answers late, and engine state goes stale.',
        do: 'Longer scrape timeout; fewer buckets; the API server needs more CPU.',
      },
      ask: promql(`max by (instance) (${target('scrape_duration_seconds')})`, '{{instance}}'),
      width: 10,
      height: 8,
      empty: empty.engines,
      unit: unit.seconds,
      fill: 0,
    }),
  ],
});
