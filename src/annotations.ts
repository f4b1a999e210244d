import { AnnotationQuery, AnnotationSupport } from '@grafana/data';

import { defaultSpec } from './defaults';
import { migrateQuery } from './migrations';
import { queryVersion, VllmQuery } from './queryTypes';

/** An annotation that nothing was chosen for shows every event. */
const everyEvent: Partial<VllmQuery> = {
  version: queryVersion,
  queryType: 'annotations',
  annotations: defaultSpec('annotations'),
};

/** The frame of kind annotations has the fields that Grafana reads from any frame, so its own processing does the rest. */
export const annotationSupport: AnnotationSupport<VllmQuery> = {
  getDefaultQuery: () => everyEvent,
  prepareQuery: ({ target }: AnnotationQuery<VllmQuery>) => migrateQuery({ refId: 'Anno', ...everyEvent, ...target }),
};
