import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloseCode, ResetCode } from '../../../../src/rpc/framing/reset-code.js';

function section(heading: string, end: string): string {
  const protocol = readFileSync(join(import.meta.dirname, '../../../../PROTOCOL.md'), 'utf8');
  const start = protocol.indexOf(`\n### ${heading} `);
  return protocol.slice(start, protocol.indexOf(`\n### ${end} `, start));
}

test('[RPC-8] the codes that end a stream are those of PROTOCOL.md', () => {
  const rows = [...section('12.5', '12.6').matchAll(/^\| (\d+) +\| ([A-Z_]+)/gm)];
  expect(rows.map(([, code, name]) => [name, Number(code)])).toEqual(Object.entries(ResetCode));
});

test('[RPC-10] the codes that end a connection are those of PROTOCOL.md', () => {
  const named = [...section('12.6', '12.7').matchAll(/(\d+) ([A-Z_]{4,})/g)];
  expect(named.map(([, code, name]) => [name, Number(code)])).toEqual(Object.entries(CloseCode));
});
