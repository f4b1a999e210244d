import { unlinkSync, writeFileSync } from 'fs';
import { join } from 'path';

import { folder, present, wanted } from './files';

// npm run dashboards: the JSON of every board, and no other.
for (const [name, text] of Object.entries(wanted)) {
  writeFileSync(join(folder, name), text);
}
for (const name of Object.keys(present())) {
  if (!(name in wanted)) {
    unlinkSync(join(folder, name));
  }
}
