import { present, wanted } from './files';

test('dashboards/ holds what the generator makes (npm run dashboards)', () => {
  const held = present();
  expect(Object.keys(held).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, text] of Object.entries(wanted)) {
    expect({ name, text: held[name] }).toEqual({ name, text });
  }
});
