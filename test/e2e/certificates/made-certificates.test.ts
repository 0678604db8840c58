/** Certificates as they are made, before node:tls and its rules. */
import { X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import { type Identity, makeCertificate } from '../../../src/certificates/make-certificate.js';
import { parseSubjectNames } from '../../../src/certificates/subject-names.js';
import { tlsVerdict } from './tls-verdict.js';

const DAY_MS = 86_400_000;

const makeAuthority = (): Promise<Identity> => makeCertificate({ subject: { kind: 'authority' }, days: 1 });
const makeServer = (issuer?: Identity, ...names: string[]): Promise<Identity> =>
  makeCertificate({ subject: { kind: 'server', names: parseSubjectNames(names) }, days: 1, issuer });
const makeClient = (issuer: Identity, name = 'alice'): Promise<Identity> =>
  makeCertificate({ subject: { kind: 'client', name }, days: 1, issuer });

test('a client that trusts the authority accepts the server by each of its names, and by no other', async () => {
  const authority = await makeAuthority();
  const names = ['cam.example', '*.cams.example', '127.0.0.1', '2001:db8::1', '::ffff:10.1.1.1', 'a_b'];
  const server = await makeServer(authority, ...names, `${'a'.repeat(60)}.example`);
  for (const servername of ['cam.example', 'one.cams.example', 'a_b', `${'a'.repeat(60)}.example`]) {
    expect([servername, await tlsVerdict(server, { ca: authority.cert, servername })]).toEqual([
      servername,
      'ok',
    ]);
  }
  expect(await tlsVerdict(server, { ca: authority.cert })).toBe('ok');
  expect(await tlsVerdict(server, { ca: authority.cert, servername: 'cams.example' })).toBe(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  );
  const certificate = new X509Certificate(server.cert);
  const legacy = certificate.toLegacyObject();
  for (const ip of ['127.0.0.1', '2001:db8::1', '::ffff:a01:101']) {
    expect([ip, checkServerIdentity(ip, legacy)]).toEqual([ip, undefined]);
  }
  expect(checkServerIdentity('127.0.0.2', legacy)).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('nobody else accepts it', async () => {
  const server = await makeServer(await makeAuthority());
  expect(await tlsVerdict(server, {})).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(await tlsVerdict(server, { ca: (await makeAuthority()).cert })).toBe(
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  );
});

test('a client that trusts two authorities accepts both', async () => {
  const [first, second] = [await makeAuthority(), await makeAuthority()];
  const ca = [first.cert, second.cert];
  expect(await tlsVerdict(await makeServer(first), { ca })).toBe('ok');
  expect(await tlsVerdict(await makeServer(second), { ca })).toBe('ok');
});

test('one that signs itself is accepted by who trusts it', async () => {
  const server = await makeServer();
  expect(await tlsVerdict(server, { ca: server.cert })).toBe('ok');
  expect(await tlsVerdict(server, {})).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('under mTLS the server accepts clients of the authority, and no server in the place of a client', async () => {
  const authority = await makeAuthority();
  const server = { ...(await makeServer(authority)), ca: authority.cert, requestCert: true };
  const client = await makeClient(authority);
  expect(new X509Certificate(client.cert).subject).toBe('CN=alice');
  expect(await tlsVerdict(server, { ca: authority.cert, ...client })).toBe('ok');
  expect(await tlsVerdict(server, { ca: authority.cert, ...(await makeServer(authority)) })).toBe(
    'INVALID_PURPOSE',
  );
  expect(await tlsVerdict(server, { ca: authority.cert, ...(await makeClient(await makeAuthority())) })).toBe(
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  );
});

test('a client of the authority is no server', async () => {
  const authority = await makeAuthority();
  const client = await makeClient(authority);
  expect(await tlsVerdict(client, { ca: authority.cert })).toBe('INVALID_PURPOSE');
});

test('what the authority has signed is no authority', async () => {
  const authority = await makeAuthority();
  const server = await makeServer(authority, 'cam.example');
  const forged = await makeServer(server);
  const chain = { cert: forged.cert + server.cert, key: forged.key };
  expect(await tlsVerdict(chain, { ca: authority.cert })).not.toBe('ok');
});

test('it is valid from an hour ago for as many days as asked for, and no longer than who signed it', async () => {
  const authority = await makeCertificate({ subject: { kind: 'server', names: [] }, days: 10 });
  const days = async (issuer?: Identity): Promise<number> => {
    const { cert } = await makeCertificate({ subject: { kind: 'client', name: 'a' }, days: 825, issuer });
    const { validFrom, validTo } = new X509Certificate(cert);
    expect(Math.abs(Date.parse(validFrom) - (Date.now() - 3_600_000))).toBeLessThan(60_000);
    return Math.round((Date.parse(validTo) - Date.now()) / DAY_MS);
  };
  expect(await days()).toBe(825);
  expect(await days(authority)).toBe(10);
});
