/** The dissector as tshark runs it, on captures that tests make. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CapturedDatagram, pcapOf } from './pcap.js';
import { temporaryDirectory } from './temporary-directory.js';

const SCRIPT = fileURLToPath(new URL('../../tools/wireshark/udprpc.lua', import.meta.url));

const isInstalled = spawnSync('tshark', ['--version']).status === 0;

/** CI has tshark, so that there it fails instead. */
export const testWithTshark: typeof test = isInstalled || process.env['CI'] !== undefined ? test : test.skip;
/** For the title of what needs it. */
export const SKIPPED = testWithTshark === test ? '' : ' (skipped: no tshark here, `apt-get install tshark`)';

export interface Reading {
  readonly keyLogFile?: string;
  readonly snapLength?: number;
  readonly args?: readonly string[];
}

/** All that tshark says, with `args`. */
export function dissect(datagrams: readonly CapturedDatagram[], reading: Reading = {}): string {
  const { keyLogFile, snapLength, args = ['-V'] } = reading;
  const file = join(temporaryDirectory(), 'test.pcap');
  writeFileSync(file, pcapOf(datagrams, snapLength));
  const keys = keyLogFile === undefined ? [] : ['-o', `udprpc.key_log_file:${keyLogFile}`];
  return execFileSync('tshark', ['-r', file, '-n', '-X', `lua_script:${SCRIPT}`, ...keys, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Of each datagram all values of each field, in the order in which they stand there. */
export function fieldsOf<K extends string>(
  datagrams: readonly CapturedDatagram[],
  names: readonly K[],
  reading: Reading = {},
): Record<K, string[]>[] {
  const wanted = names.flatMap((name) => ['-e', `udprpc.${name}`]);
  const args = ['-T', 'fields', '-E', 'aggregator=;', ...wanted, ...(reading.args ?? [])];
  const lines = dissect(datagrams, { ...reading, args })
    .split('\n')
    .slice(0, -1);
  return lines.map((line) => {
    const columns = line.split('\t');
    const values = names.map((name, at) => [name, (columns[at] ?? '').split(';').filter((it) => it !== '')]);
    return Object.fromEntries(values) as Record<K, string[]>;
  });
}
