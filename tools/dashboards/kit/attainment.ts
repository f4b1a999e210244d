import { SloSpec } from '../../../src/queryTypes';
import { unit } from './fields';
import { About, chart, PanelOf } from './panels';
import { slo } from './queries';

interface AttainmentSpec {
  title: string;
  about: About;
  /** attainment of all limits jointly, or that of one. */
  metric: NonNullable<SloSpec['metrics']>[number];
  width: number;
  height?: number;
  empty: string;
}

/** The share of each model's requests that kept their limits, against the target of 99 %, dashed. */
export const attainmentChart = ({ metric, height = 8, ...spec }: AttainmentSpec): PanelOf =>
  chart({
    ...spec,
    ask: slo({ form: 'timeseries', metrics: [metric], groupBy: ['model'] }),
    height,
    unit: unit.ratio,
    max: 1,
    softMin: 0.9,
    steps: ['red', [0.99, 'transparent']],
    limits: true,
    fill: 0,
    name: '${__field.labels.model}',
  });
