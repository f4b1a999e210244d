import { PanelBuilder as Bars } from '@grafana/grafana-foundation-sdk/bargauge';
import { PanelBuilder as BarChart } from '@grafana/grafana-foundation-sdk/barchart';
import { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LogsSortOrder,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTextDisplayOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DataTransformerConfig,
  FieldColorBuilder,
  FieldColorModeId,
  Panel,
  PanelBuilder as AnyPanel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Histogram } from '@grafana/grafana-foundation-sdk/histogram';
import { PanelBuilder as Logs } from '@grafana/grafana-foundation-sdk/logs';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as Timeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';

import { look, Override, steps, Steps, thresholdsOf, unit, Unit, unknownAs } from './fields';
import { Link } from './links';
import { datasource, Question, Target } from './queries';

/** What a panel says of itself: what it shows, what a bad value looks like, and what to do about one. */
export interface About {
  shows: string;
  bad: string;
  do: string;
}

interface Common {
  title: string;
  about: About;
  ask: Question | Question[];
  /** Columns of 24, and rows of 30 pixels. */
  width: number;
  height: number;
  /** What stands in the panel when there is nothing to draw: why, and what would change it. */
  empty: string;
  unit?: Unit | string;
  decimals?: number;
  min?: number;
  max?: number;
  steps?: Steps;
  looks?: Override[];
  /** The fields to keep of the answer, in this order. */
  fields?: string[];
  transformations?: DataTransformerConfig[];
  links?: Link[];
  /** What a series is called; with labels as ${__field.labels.model}. */
  name?: string;
}

export type PanelOf = Builder<Panel>;

export const descriptionOf = ({ shows, bad, do: act }: About): string =>
  `${shows}\n\n**Bad:** ${bad}\n\n**Do:** ${act}`;

type Visual = Bars | BarChart | Histogram | Logs | Stat | Timeline | Table | TimeSeries | AnyPanel;

function dressed<V extends Visual>(panel: V, spec: Common): V {
  const { ask, fields } = spec;
  panel
    .title(spec.title)
    .description(descriptionOf(spec.about))
    .datasource(datasource)
    .span(spec.width)
    .height(spec.height)
    .noValue(spec.empty)
    .targets([ask].flat().map((question, i) => new Target(question, String.fromCharCode(65 + i))))
    .overrides(spec.looks ?? []);
  if (fields || spec.transformations) {
    panel.transformations([...(fields ? chosen(fields) : []), ...(spec.transformations ?? [])]);
  }
  spec.unit !== undefined && panel.unit(spec.unit);
  spec.decimals !== undefined && panel.decimals(spec.decimals);
  spec.min !== undefined && panel.min(spec.min);
  spec.max !== undefined && panel.max(spec.max);
  spec.name !== undefined && panel.displayName(spec.name);
  spec.steps && panel.thresholds(thresholdsOf(spec.steps));
  return panel;
}

/** Keeps those fields and puts them in that order; what an answer lacks is left out. */
function chosen(names: string[]): DataTransformerConfig[] {
  const indexByName = Object.fromEntries(names.map((name, i) => [name, i]));
  return [
    { id: 'filterFieldsByName', options: { include: { names } } },
    { id: 'organize', options: { indexByName } },
  ];
}

const tooltip = (mode = TooltipDisplayMode.Multi) =>
  new VizTooltipOptionsBuilder()
    .mode(mode)
    .sort(mode === TooltipDisplayMode.Multi ? SortOrder.Descending : SortOrder.None);

const listLegend = () =>
  new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true);

interface ChartSpec extends Common {
  /** Figures beside the names of the series; none makes a list of names. */
  legend?: Array<'mean' | 'max' | 'min' | 'lastNotNull'>;
  legendAt?: 'right';
  /** The series are those of a graph beside it, in the same colours; hovering names them. */
  legendless?: boolean;
  /** The least that the axis shows: a line of zeros is no mountain. */
  softMax?: number;
  /** The axis begins here, or lower where values are: shares near 100 % need their differences seen. */
  softMin?: number;
  fill?: number;
  stacked?: boolean;
  style?: 'bars' | 'points';
  /** Draws the thresholds as dashed lines. */
  limits?: boolean;
  palette?: 'thresholds';
}

/** How far the axis of a unit reaches when nothing happened: 100 preemptions a second are nobody's scale. */
const leastAxis: Record<string, number | undefined> = { [unit.count]: 1, [unit.eventsPerSecond]: 0.1, [unit.none]: 1 };

/** Values over time. */
export function chart(spec: ChartSpec): PanelOf {
  const { legend = [], style } = spec;
  const panel = dressed(new TimeSeries(), spec.softMin === undefined ? { min: 0, ...spec } : spec)
    .drawStyle(
      style === 'bars' ? GraphDrawStyle.Bars : style === 'points' ? GraphDrawStyle.Points : GraphDrawStyle.Line
    )
    .lineWidth(style === 'bars' ? 0 : 1)
    .fillOpacity(style === 'bars' ? 80 : (spec.fill ?? (spec.stacked ? 30 : 6)))
    .showPoints(style === 'points' ? VisibilityMode.Always : VisibilityMode.Never)
    .spanNulls(false)
    .tooltip(tooltip(style === 'points' ? TooltipDisplayMode.Single : TooltipDisplayMode.Multi))
    .legend(
      legend.length
        ? new VizLegendOptionsBuilder()
            .displayMode(LegendDisplayMode.Table)
            .placement(spec.legendAt === 'right' ? LegendPlacement.Right : LegendPlacement.Bottom)
            .showLegend(true)
            .calcs(legend)
            .sortBy(legendColumn[legend[legend.length - 1]])
            .sortDesc(true)
        : listLegend().showLegend(!spec.legendless)
    );
  const softMax = spec.softMax ?? leastAxis[spec.unit ?? ''];
  softMax !== undefined && panel.axisSoftMax(softMax);
  spec.softMin !== undefined && panel.axisSoftMin(spec.softMin);
  spec.stacked && panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  spec.links && panel.dataLinks(spec.links.map(dataLink));
  spec.limits && panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return panel;
}

const legendColumn = { mean: 'Mean', max: 'Max', min: 'Min', lastNotNull: 'Last *' };

/** The SDK builds links of fields as those of dashboards, which say more than Grafana saves for a field. */
const dataLink = (link: Link) => ({ build: () => link as never });

export interface StatSpec extends Common {
  /** Which fields, as a pattern of their names; all numbers when left out. */
  show?: string;
  sparkline?: boolean;
  /** The threshold's colour fills the panel: for what must be seen from afar. */
  loud?: boolean;
  calc?: 'lastNotNull' | 'firstNotNull' | 'first' | 'mean' | 'max' | 'sum' | 'count';
  size?: number;
  /** One field of several is chosen, and its name says nothing that the title does not. */
  nameless?: boolean;
}

/** Over both themes. */
const grey = 'rgba(128, 128, 128, 0.3)';

/** One number, or a few side by side. */
export function stat(spec: StatSpec): PanelOf {
  const several = spec.show !== undefined && !spec.nameless;
  const panel = dressed(new Stat(), { steps: steps.plain, ...spec })
    .mappings(several ? [] : [unknownAs(spec.empty, spec.loud ? grey : 'text')])
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .colorMode(spec.loud ? BigValueColorMode.Background : BigValueColorMode.Value)
    .graphMode(spec.sparkline ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .textMode(several ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .justifyMode(BigValueJustifyMode.Center)
    .orientation(several ? VizOrientation.Vertical : VizOrientation.Auto)
    .wideLayout(false)
    .showPercentChange(false)
    .reduceOptions(
      new ReduceDataOptionsBuilder()
        .calcs([spec.calc ?? 'lastNotNull'])
        .values(false)
        .fields(spec.show ?? '')
    );
  spec.size && panel.text(new VizTextDisplayOptionsBuilder().titleSize(12).valueSize(spec.size));
  spec.links && panel.dataLinks(spec.links.map(dataLink));
  return panel;
}

interface TableSpec extends Common {
  sortBy?: { field: string; desc?: boolean };
  pages?: boolean;
}

/** Rows. An unknown cell is a dash; without any row the panel says why. */
export function table(spec: TableSpec): PanelOf {
  const looks = [look(/./, { noValue: '–' }), ...(spec.looks ?? [])];
  const panel = dressed(new Table(), { ...spec, looks })
    .showHeader(true)
    .minWidth(72);
  spec.sortBy &&
    panel.sortBy([new TableSortByFieldStateBuilder().displayName(spec.sortBy.field).desc(spec.sortBy.desc ?? false)]);
  if (!spec.pages) {
    return panel;
  }
  return { build: () => ({ ...panel.build(), options: { ...panel.build().options, enablePagination: true } }) };
}

/** A bar per row or series, filled up to the limit. */
export function bars(spec: Common & { perRow?: boolean; height?: number }): PanelOf {
  return dressed(new Bars(), { min: 0, ...spec })
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .namePlacement(BarGaugeNamePlacement.Top)
    .showUnfilled(true)
    .minVizHeight(16)
    .maxVizHeight(28)
    .reduceOptions(
      new ReduceDataOptionsBuilder()
        .calcs(['lastNotNull'])
        .values(spec.perRow ?? false)
        .fields('')
    );
}

/** One bar for each value of a text field. */
export function barChart(spec: Common & { by: string }): PanelOf {
  return dressed(new BarChart(), { min: 0, ...spec })
    .orientation(VizOrientation.Horizontal)
    .xField(spec.by)
    .colorByField(spec.by)
    .showValue(VisibilityMode.Always)
    .groupWidth(0.8)
    .barWidth(0.9)
    .legend(listLegend().showLegend(false))
    .tooltip(tooltip(TooltipDisplayMode.Single));
}

/** How often each range of values occurs. */
export function histogram(spec: Common & { buckets?: number }): PanelOf {
  return dressed(new Histogram(), spec)
    .bucketCount(spec.buckets ?? 40)
    .combine(false)
    .fillOpacity(60)
    .lineWidth(0)
    .legend(listLegend())
    .tooltip(tooltip());
}

/** States over time, one line per series. */
export function timeline(spec: Common): PanelOf {
  return dressed(new Timeline(), spec)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .showValue(VisibilityMode.Never)
    .disablePagination()
    .mergeValues(true)
    .rowHeight(0.8)
    .fillOpacity(80)
    .lineWidth(0)
    .legend(listLegend().showLegend(false))
    .tooltip(tooltip(TooltipDisplayMode.Single));
}

/** Log lines. */
export function lines(spec: Common & { oldestFirst?: boolean }): PanelOf {
  return dressed(new Logs(), spec)
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .showLabels(false)
    .showCommonLabels(false)
    .prettifyLogMessage(false)
    .sortOrder(spec.oldestFirst ? LogsSortOrder.Ascending : LogsSortOrder.Descending);
}

/** One trace; the SDK has no builder of Grafana's trace view. */
export function trace(spec: Common): PanelOf {
  return dressed(new AnyPanel().type('traces'), spec);
}
