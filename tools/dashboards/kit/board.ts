import { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQuery,
  Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { BoardId } from './links';
import { PanelOf } from './panels';
import { engineEvents, placeVariables } from './variables';

/** The tag by which dashboards of the set find each other. */
const tag = 'vllm';

interface Spec {
  uid: BoardId;
  title: string;
  description: string;
  /** How far back it looks at first. */
  last: string;
  /** The dashboards next to it on the way down from fleet to request, and back. */
  next: Array<[title: string, board: BoardId]>;
  variables?: Array<Builder<VariableModel>>;
  annotations?: Array<Builder<AnnotationQuery>>;
  refresh?: string;
  /** Panels in reading order; a text begins a row of that title. */
  panels: Array<PanelOf | string>;
}

/** A dashboard: variables and links like all others, its panels laid out in reading order. */
export function board(spec: Spec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags([tag])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: `now-${spec.last}`, to: 'now' })
    .timezone('browser')
    .refresh(spec.refresh ?? '30s')
    .variables(spec.variables ?? placeVariables)
    .annotations((spec.annotations ?? engineEvents).map(visible))
    .links([...spec.next.map(([title, board]) => next(title, board)), all()]);
  for (const panel of spec.panels) {
    typeof panel === 'string' ? builder.withRow(new RowBuilder(panel)) : builder.withPanel(panel);
  }
  const dashboard = builder.build();
  dashboard.panels?.forEach((panel, i) => (panel.id = i + 1));
  return dashboard;
}

/** The SDK puts links and annotations into a menu; one step of the drill-down must not be two clicks away. */
function visible<T extends { placement?: unknown }>(builder: Builder<T>): Builder<T> {
  return { build: () => ({ ...builder.build(), placement: undefined }) };
}

/** A link keeps the time and every variable that the other dashboard has, too. */
const link = (title: string) => new DashboardLinkBuilder(title).keepTime(true).includeVars(true);

const next = (title: string, board: BoardId) =>
  visible(link(title).type(DashboardLinkType.Link).url(`/d/${board}`).icon('dashboard'));

const all = () => visible(link('All').type(DashboardLinkType.Dashboards).tags([tag]).asDropdown(true));
