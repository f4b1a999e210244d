import { AnnotationQuery } from '@grafana/data';

import { annotationSupport } from './annotations';
import { VllmQuery } from './queryTypes';

function asked(target?: Partial<VllmQuery>): VllmQuery | undefined {
  const annotation = { name: 'vLLM', enable: true, iconColor: 'red', target } as AnnotationQuery<VllmQuery>;
  return annotationSupport.prepareQuery?.(annotation);
}

describe('an annotation', () => {
  test('shows every event before anything is chosen', () => {
    expect(asked()).toEqual({ refId: 'Anno', version: 1, queryType: 'annotations', annotations: {} });
    expect(annotationSupport.getDefaultQuery?.()).toMatchObject({ queryType: 'annotations' });
  });

  test('asks for what was chosen', () => {
    const chosen: VllmQuery = {
      refId: 'Anno',
      version: 1,
      queryType: 'annotations',
      annotations: { events: ['restart'] },
      scope: { models: ['$model'] },
    };
    expect(asked(chosen)).toEqual(chosen);
  });

  test('can be of another kind', () => {
    expect(asked({ queryType: 'promql', promql: { expr: 'up == 0' } })).toMatchObject({ queryType: 'promql' });
  });
});
