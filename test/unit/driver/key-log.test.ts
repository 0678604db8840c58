import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionSecrets, KeyLog } from '../../../src/driver/key-log.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SECRETS: ConnectionSecrets = {
  originalDestinationId: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 0xff),
  suite: 'TLS_AES_128_GCM_SHA256',
  ofClient: new Uint8Array(32).fill(0xab),
  ofServer: new Uint8Array(32).fill(0x0c),
};
const LINES = [
  `UDPRPC_CLIENT_SECRET 00010203040506ff TLS_AES_128_GCM_SHA256 ${'ab'.repeat(32)}\n`,
  `UDPRPC_SERVER_SECRET 00010203040506ff TLS_AES_128_GCM_SHA256 ${'0c'.repeat(32)}\n`,
].join('');

function logTo(path: string): { keyLog: KeyLog; warnings: string[] } {
  const warnings: string[] = [];
  return { keyLog: new KeyLog(path, (line) => warnings.push(line)), warnings };
}

test('[KEY-10] two lines a connection, appended to what is there, in a file for its owner only', () => {
  const path = join(temporaryDirectory(), 'keys');
  const { keyLog, warnings } = logTo(path);
  keyLog.write(SECRETS);
  expect(readFileSync(path, 'utf8')).toBe(LINES);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  keyLog.write(SECRETS);
  expect(readFileSync(path, 'utf8')).toBe(LINES + LINES);
  logTo(path).keyLog.write(SECRETS);
  expect(readFileSync(path, 'utf8')).toBe(LINES + LINES + LINES);
  expect(warnings).toEqual([]);
});

test('a file that was there before keeps its mode, and one that is moved away is made anew', () => {
  const path = join(temporaryDirectory({ keys: '# mine\n' }), 'keys');
  chmodSync(path, 0o640);
  const { keyLog } = logTo(path);
  keyLog.write(SECRETS);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  renameSync(path, `${path}.1`);
  keyLog.write(SECRETS);
  expect(readFileSync(`${path}.1`, 'utf8')).toBe(`# mine\n${LINES}`);
  expect(readFileSync(path, 'utf8')).toBe(LINES);
});

test('a file that cannot be written is told once, and written as soon as it can be', () => {
  const directory = join(temporaryDirectory(), 'not-there');
  const path = join(directory, 'keys');
  const { keyLog, warnings } = logTo(path);
  keyLog.write(SECRETS);
  keyLog.write(SECRETS);
  expect(warnings).toEqual([expect.stringMatching(/^tls.keyLogFile cannot be written.*ENOENT/)]);
  mkdirSync(directory);
  keyLog.write(SECRETS);
  expect(readFileSync(path, 'utf8')).toBe(LINES);
  expect(warnings.length).toBe(1);
});

test('a disk that is full is told once', () => {
  const { keyLog, warnings } = logTo('/dev/full');
  keyLog.write(SECRETS);
  keyLog.write(SECRETS);
  expect(warnings).toEqual([expect.stringMatching(/^tls.keyLogFile cannot be written.*ENOSPC/)]);
});

test('a pipe that nobody reads is not waited for', () => {
  const path = join(temporaryDirectory(), 'pipe');
  execFileSync('mkfifo', [path]);
  const { keyLog, warnings } = logTo(path);
  keyLog.write(SECRETS);
  expect(warnings).toEqual([expect.stringMatching(/^tls.keyLogFile cannot be written.*ENXIO/)]);
});
