/** What is said of files that are no certificate and no key, or not of each other. */
import { jest } from '@jest/globals';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificates, readIdentity } from '../../../src/certificates/index.js';
import { type Identity, makeCertificate } from '../../../src/certificates/make-certificate.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const damaged = (label: string): string => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;

let own: Identity;
let other: Identity;
beforeAll(async () => {
  const make = (name: string): Promise<Identity> =>
    makeCertificate({ subject: { kind: 'client', name }, days: 10 });
  [own, other] = await Promise.all([make('own'), make('other')]);
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** What reading the two says; `cert` and `key` stand for their paths. */
async function problem(cert: string | undefined, key: string | undefined): Promise<string> {
  const directory = temporaryDirectory({
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
  const paths = { cert: join(directory, 'cert'), key: join(directory, 'key') };
  return readIdentity(paths).then(
    () => 'none',
    (error: unknown) => (error as Error).message.replaceAll(`${directory}/`, ''),
  );
}

test('a certificate and its key, also with others after it, and both in one file', async () => {
  expect(await problem(own.cert, own.key)).toBe('none');
  expect(await problem(`a comment\r\n${own.cert.replaceAll('\n', '\r\n')}${other.cert}`, own.key)).toBe(
    'none',
  );
  const both = join(temporaryDirectory({ both: own.key + own.cert }), 'both');
  expect(await readIdentity({ cert: both, key: both })).toEqual(own);
  expect(await readCertificates(both)).toBe(own.cert);
});

test('a missing file', async () => {
  expect(await problem(undefined, own.key)).toBe('cannot read cert: there is no such file (ENOENT)');
  expect(await problem(own.cert, undefined)).toBe('cannot read key: there is no such file (ENOENT)');
});

(isRoot ? test.skip : test)('a file of somebody else', async () => {
  const path = join(temporaryDirectory({ cert: own.cert }), 'cert');
  chmodSync(path, 0);
  await expect(readCertificates(path)).rejects.toThrow(
    `cannot read ${path}: this user may not; give it the right to, or name another (EACCES)`,
  );
});

test('a directory', async () => {
  const path = temporaryDirectory();
  await expect(readCertificates(path)).rejects.toThrow(
    `cannot read ${path}: it is a directory; name a file (EISDIR)`,
  );
});

test('the key of another certificate', async () => {
  expect(await problem(own.cert, other.key)).toBe(
    'key is not the key of cert: give the two that were made together',
  );
});

test('the two in each other’s place', async () => {
  expect(await problem(own.key, own.cert)).toBe(
    'cert has no certificate: it takes PEM (-----BEGIN CERTIFICATE-----)',
  );
  expect(await problem(own.cert, own.cert)).toBe(
    'key has no private key: it takes PEM (-----BEGIN PRIVATE KEY-----)',
  );
});

test('damaged ones', async () => {
  expect(await problem(damaged('CERTIFICATE'), own.key)).toBe(
    'the certificate in cert is damaged: get the file again',
  );
  expect(await problem(own.cert + damaged('CERTIFICATE'), own.key)).toBe(
    'certificate 2 of 2 in cert is damaged: get the file again',
  );
  expect(await problem(own.cert, damaged('PRIVATE KEY'))).toBe(
    'the key in key is damaged: get the file again',
  );
});

test('an encrypted key, in both forms', async () => {
  const cipher = { cipher: 'aes-256-cbc', passphrase: 'secret', format: 'pem' } as const;
  const encrypted = createPrivateKey(own.key).export({ type: 'pkcs8', ...cipher });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encryptedSec1 = privateKey.export({ type: 'sec1', ...cipher });
  for (const key of [encrypted, encryptedSec1]) {
    expect(await problem(own.cert, String(key))).toBe(
      'the key in key is encrypted: decrypt it with openssl pkey -in key',
    );
  }
});

test('an expired certificate', async () => {
  const then = Date.now() + 11 * 86_400_000;
  jest.spyOn(Date, 'now').mockReturnValue(then);
  expect(await problem(own.cert, own.key)).toMatch(/^cert expired at 20.*Z: give another, or make one$/);
});
