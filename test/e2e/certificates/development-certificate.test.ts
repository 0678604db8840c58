/** The certificate that a server under development has again at its next start. */
import { jest } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { developmentCertificate } from '../../../src/certificates/index.js';
import { ExampleProcess } from '../../support/example-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { tlsVerdict } from './tls-verdict.js';

const DAY_MS = 86_400_000;
const newDirectory = (): string => join(temporaryDirectory(), 'state', 'udprpc');

afterEach(() => {
  jest.restoreAllMocks();
});

/** From now on it is `days` later. */
function travel(days: number): void {
  const then = Date.now() + days * DAY_MS;
  jest.spyOn(Date, 'now').mockReturnValue(then);
}

test('the next start has the same, in a file for this user alone', async () => {
  const directory = newDirectory();
  const made = await developmentCertificate({ directory });
  expect(await developmentCertificate({ directory })).toEqual(made);
  expect(readdirSync(directory)).toHaveLength(1);
  expect([statSync(directory).mode & 0o777, statSync(made.path).mode & 0o777]).toEqual([0o700, 0o600]);
  const { fingerprint256, validTo } = new X509Certificate(made.cert);
  expect(made).toMatchObject({ fingerprint256, validUntil: new Date(validTo) });
  expect(Math.round((made.validUntil.getTime() - Date.now()) / DAY_MS)).toBe(90);
});

test('it is all that a server and a client need, and what the client is given has no key in it', async () => {
  const directory = newDirectory();
  for (const start of ['first', 'second']) {
    const { cert, key } = await developmentCertificate({ directory });
    expect([start, await tlsVerdict({ cert, key }, { ca: cert })]).toEqual([start, 'ok']);
    expect(cert).not.toContain('PRIVATE KEY');
  }
});

test('other names have another, the same names in another order have not', async () => {
  const directory = newDirectory();
  const first = await developmentCertificate({ directory, names: ['cam.example', '10.1.1.1'] });
  const second = await developmentCertificate({ directory, names: ['cam.example'] });
  expect(second.fingerprint256).not.toBe(first.fingerprint256);
  expect(await developmentCertificate({ directory, names: ['10.1.1.1', 'CAM.example'] })).toEqual(first);
  expect(new X509Certificate(second.cert).subjectAltName).toBe('DNS:cam.example');
});

test('in its last day it is replaced', async () => {
  const directory = newDirectory();
  const { fingerprint256 } = await developmentCertificate({ directory, days: 10 });
  travel(8.9);
  expect((await developmentCertificate({ directory })).fingerprint256).toBe(fingerprint256);
  travel(0.2);
  const renewed = await developmentCertificate({ directory });
  expect(renewed.fingerprint256).not.toBe(fingerprint256);
  expect(await developmentCertificate({ directory })).toEqual(renewed);
});

test.each(['', 'no PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
  'what is damaged (%j) is replaced',
  async (content) => {
    const directory = newDirectory();
    const { path } = await developmentCertificate({ directory });
    writeFileSync(path, content);
    const renewed = await developmentCertificate({ directory });
    expect(readFileSync(path, 'utf8')).toContain(renewed.cert);
  },
);

test('servers that start at the same time each have a whole one', async () => {
  const directory = newDirectory();
  const all = await Promise.all(Array.from({ length: 8 }, () => developmentCertificate({ directory })));
  for (const { cert, key } of all) expect(await tlsVerdict({ cert, key }, { ca: cert })).toBe('ok');
  expect(readdirSync(directory)).toHaveLength(1);
  const kept = await developmentCertificate({ directory });
  expect(all.map(({ fingerprint256 }) => fingerprint256)).toContain(kept.fingerprint256);
});

test('a directory that others may write into is refused', async () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o777);
  await expect(developmentCertificate({ directory })).rejects.toThrow(
    `${directory} is not this user's alone: chown and chmod 700 it, or set XDG_STATE_HOME to another place`,
  );
});

test.each([
  ['/xdg', '/xdg/udprpc'],
  ['', '/home/.local/state/udprpc'],
  ['relative', '/home/.local/state/udprpc'],
])('with XDG_STATE_HOME %j it is kept in %s', async (state, place) => {
  const top = temporaryDirectory();
  const env = { ...process.env, HOME: `${top}/home`, XDG_STATE_HOME: state.replace(/^\//, `${top}/`) };
  const printing = new ExampleProcess('print-path', [], { folder: 'test/e2e/certificates', env });
  expect(await printing.ended).toEqual({ code: 0, stdout: `${top}${place}\n`, stderr: '' });
});

test('days that cannot be are refused', async () => {
  for (const days of [0, 1.5, 826, NaN]) {
    await expect(developmentCertificate({ directory: newDirectory(), days })).rejects.toThrow(
      `a certificate is valid for 1 to 825 days, not ${days}`,
    );
  }
});
