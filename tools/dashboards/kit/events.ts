import { look, words } from './fields';
import { Link } from './links';
import { About, PanelOf, table } from './panels';
import { happened } from './queries';
import { empty } from './shared';

interface EventsSpec {
  title: string;
  about: About;
  /** The newest so many. */
  limit: number;
  width: number;
  /** How wide the columns of names are, in pixels; the rest is the event's text. */
  columns: { title: number; instance: number };
  /** Where a click on the instance leads. */
  instance: Link;
}

/** What happened to engines, newest first, each event with the line or the figure that tells of it. */
export const eventsTable = ({ limit, columns, instance, ...spec }: EventsSpec): PanelOf =>
  table({
    ...spec,
    ask: happened({ limit }),
    height: 8,
    empty: empty.events,
    fields: words('time severity title instance text'),
    looks: [
      look('time', { width: 112, unit: 'time:MM-DD HH:mm:ss' }),
      look('severity', { width: 76, cell: 'coloured' }),
      look('title', { width: columns.title }),
      look('instance', { width: columns.instance, links: [instance] }),
    ],
    sortBy: { field: 'time', desc: true },
  });
