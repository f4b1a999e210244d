import { DataQueryResponse, isDataFrame } from '@grafana/data';

/**
 * A table panel shows its "no value" text only when an answer has no fields; with fields and no rows it shows headings above
 * nothing. The panel's author wrote the text to say why there is nothing, so headings alone are left out.
 */
export function withoutLoneHeadings(answer: DataQueryResponse): DataQueryResponse {
  const data = answer.data.map((frame: unknown) =>
    isDataFrame(frame) && frame.length === 0 && frame.fields.length > 0 ? { ...frame, fields: [] } : frame
  );
  return { ...answer, data };
}
