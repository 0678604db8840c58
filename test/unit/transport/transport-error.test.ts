import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TransportErrorCode } from '../../../src/transport/transport-error.js';

test('[ERR-1] the codes are those of PROTOCOL.md', () => {
  const protocol = readFileSync(join(import.meta.dirname, '../../../PROTOCOL.md'), 'utf8');
  const section = protocol.slice(protocol.indexOf('\n## 9. '), protocol.indexOf('\n## 10. '));
  const rows = [...section.matchAll(/^\| (0x[0-9a-f]{2}) \| ([A-Z_]+)/gm)];
  expect(rows.map(([, code, name]) => [name, Number(code)])).toEqual(Object.entries(TransportErrorCode));
});
