import { TimeRange } from '@grafana/data';

import { Lists } from '../lists/lists';
import { Scope } from '../queryTypes';

/** What the editor of one kind gets: the kind's own part of the query, and no more. */
export interface KindEditorProps<Spec> {
  /** Begins every id in the editor: several queries stand on one page. */
  id: string;
  spec: Spec;
  onChange: (spec: Spec) => void;
  /** Asks once more, when the user says so without a change. */
  onRun: () => void;
  /** What menus offer. */
  lists: Lists;
  range?: TimeRange;
  /** What the query is narrowed to, and so what is offered to choose from. */
  scope?: Scope;
  /** In an alert rule only numbers can be compared. */
  alerting: boolean;
}

/** Reads a whole number that may be left empty. */
export function wholeNumber(text: string): number | undefined {
  const value = Math.trunc(Number(text));
  return text.trim() && Number.isFinite(value) && value > 0 ? value : undefined;
}
