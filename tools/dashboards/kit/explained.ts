import { steps, unit } from './fields';
import { About, bars, PanelOf } from './panels';
import { coverage } from './queries';
import { empty } from './shared';

interface ExplainedSpec {
  title: string;
  about: Omit<About, 'shows'>;
  width: number;
  height: number;
}

/** How much of what each engine counted became rows: one bar per instance. */
export const explainedByInstance = ({ about, ...spec }: ExplainedSpec): PanelOf =>
  bars({
    ...spec,
    about: {
      shows:
        'Rows divided by the requests that each engine itself counted as finished. A little above 100 % is the edge of a scrape.',
      ...about,
    },
    ask: coverage({ form: 'table' }),
    empty: empty.engines,
    unit: unit.ratio,
    decimals: 0,
    max: 1,
    steps: steps.explained,
    fields: ['instance', 'explained_ratio'],
    name: '${__data.fields.instance}',
    perRow: true,
  });
