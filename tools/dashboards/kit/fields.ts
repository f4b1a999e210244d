import {
  DynamicConfigValue,
  MappingType,
  MatcherConfig,
  SpecialValueMap,
  SpecialValueMatch,
  Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { Link } from './links';

/** Grafana's ids of the units that are used. */
export const unit = {
  seconds: 's',
  ratio: 'percentunit',
  percent: 'percent',
  requestsPerSecond: 'reqps',
  eventsPerSecond: 'cps',
  tokensPerSecond: 'suffix: tok/s',
  tokens: 'suffix: tok',
  count: 'short',
  times: 'suffix:×',
  bytes: 'bytes',
  bytesPerSecond: 'binBps',
  watts: 'watt',
  celsius: 'celsius',
  flops: 'flops',
  none: 'none',
} as const;
export type Unit = (typeof unit)[keyof typeof unit];

/** The colours that mean something; a threshold below which nothing is worth a colour is plain. */
export type Colour = 'green' | 'orange' | 'red' | 'blue' | 'purple' | 'text' | 'transparent';
export type Steps = [Colour, ...Array<[number, Colour]>];

/** From where on a value deserves a look, and from where on somebody must act: the limits on which the alerts turn. */
export const steps = {
  plain: ['text'],
  count: ['text', [1, 'orange'], [20, 'red']],
  anything: ['green', [1, 'red']],
  errors: ['transparent', [0.01, 'orange'], [0.05, 'red']],
  kvCache: ['green', [0.9, 'orange'], [0.95, 'red']],
  preemptions: ['transparent', [0.1, 'orange'], [1, 'red']],
  waiting: ['transparent', [1, 'orange'], [20, 'red']],
  goodRatio: ['red', [0.9, 'orange'], [0.99, 'green']],
  explained: ['red', [0.9, 'orange'], [0.95, 'green']],
  ttft: ['transparent', [1, 'orange'], [2.5, 'red']],
  queue: ['transparent', [0.5, 'orange'], [2, 'red']],
  tpot: ['transparent', [0.05, 'orange'], [0.2, 'red']],
  acceptance: ['red', [0.3, 'orange'], [0.5, 'green']],
  hot: ['green', [75, 'orange'], [85, 'red']],
} satisfies Record<string, Steps>;

function thresholds([base, ...rest]: Steps): { mode: ThresholdsMode; steps: Threshold[] } {
  return {
    mode: ThresholdsMode.Absolute,
    steps: [{ value: null, color: base }, ...rest.map(([value, color]) => ({ value, color }))],
  };
}

export function thresholdsOf(steps: Steps): ThresholdsConfigBuilder {
  const { mode, steps: list } = thresholds(steps);
  return new ThresholdsConfigBuilder().mode(mode).steps(list);
}

/** What is not known has no colour of a threshold: the first one would be a verdict. */
export const unknownAs = (text: string, color = 'text'): SpecialValueMap => ({
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.Null, result: { text, color } },
});

/** How one field looks where it differs from the panel's others. */
export interface Look {
  name?: string;
  unit?: Unit | string;
  decimals?: number;
  width?: number;
  min?: number;
  max?: number;
  steps?: Steps;
  /** Thresholds fill the cell, or the value is drawn as a bar. */
  cell?: 'filled' | 'gauge' | 'coloured' | 'wrapped';
  colour?: Colour | string;
  links?: Link[];
  mappings?: ValueMapping[];
  hidden?: boolean;
  axis?: 'right';
  points?: number;
  dashed?: boolean;
  /** Drawn over a stack, not on top of it. */
  unstacked?: boolean;
  noValue?: string;
}

export interface Override {
  matcher: MatcherConfig;
  properties: DynamicConfigValue[];
}

const cells = {
  filled: { type: 'color-background', mode: 'basic' },
  gauge: { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' },
  coloured: { type: 'color-text' },
  wrapped: { type: 'auto', wrapText: true },
} as const;

/** The look of the field of that name, or of all whose names match. */
export function look(field: string | RegExp, l: Look): Override {
  const properties: DynamicConfigValue[] = [];
  const set = (id: string, value: unknown) => value !== undefined && properties.push({ id, value });
  set('displayName', l.name);
  set('unit', l.unit);
  set('decimals', l.decimals);
  set('min', l.min);
  set('max', l.max);
  set('noValue', l.noValue);
  set('mappings', l.mappings);
  set('thresholds', l.steps && thresholds(l.steps));
  set('color', l.colour && { mode: 'fixed', fixedColor: l.colour });
  set('links', l.links);
  set('custom.width', l.width);
  set('custom.cellOptions', l.cell && cells[l.cell]);
  set('custom.hideFrom.viz', l.hidden);
  set('custom.axisPlacement', l.axis);
  set('custom.pointSize', l.points);
  set('custom.stacking', l.unstacked && { mode: 'none' });
  set('custom.fillOpacity', l.unstacked && 0);
  set('custom.lineStyle', l.dashed && { fill: 'dash', dash: [8, 6] });
  return { matcher: { id: typeof field === 'string' ? 'byName' : 'byRegexp', options: String(field) }, properties };
}

/** A list of names, as text. */
export const words = (text: string): string[] => text.trim().split(/\s+/);
