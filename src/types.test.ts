import model from './settings.generated.json';
import { limitNames, places, stores } from './types';

test('every list of names has its defaults and bounds', () => {
  expect(Object.keys(model.labels).sort()).toEqual([...stores].sort());
  expect(Object.keys(model.labels.prometheus)).toEqual(places);
  expect(Object.keys(model.limits).sort()).toEqual([...limitNames].sort());
});
