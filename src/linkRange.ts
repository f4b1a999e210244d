import { DataLink, DataQueryResponse, isDataFrame, TimeRange } from '@grafana/data';

/**
 * Links lead to what is seen: they carry the range of the answer as it is, since a relative one ("the last 15 minutes")
 * would have moved on when somebody opens, or is sent, the link.
 */
export function withLinkRange(answer: DataQueryResponse, { from, to }: TimeRange): DataQueryResponse {
  const range: TimeRange = { from, to, raw: { from, to } };
  const pinned = (link: DataLink): DataLink =>
    link.internal ? { ...link, internal: { ...link.internal, range } } : link;
  const data = answer.data.map((frame: unknown) =>
    isDataFrame(frame) && frame.fields.some(({ config }) => config.links?.length)
      ? {
          ...frame,
          fields: frame.fields.map((field) =>
            field.config.links
              ? { ...field, config: { ...field.config, links: field.config.links.map(pinned) } }
              : field
          ),
        }
      : frame
  );
  return { ...answer, data };
}
