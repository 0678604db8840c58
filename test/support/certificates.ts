/** Authorities, a foreign one among them, and what they have signed; all of it made once. */
import { generate } from 'selfsigned';

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly authority: Identity;
  readonly foreignAuthority: Identity;
  /** For `cam.example`, `*.cams.example` and 10.1.1.1, by the authority. */
  readonly server: Identity;
  /** For `localhost` and 127.0.0.1, by the authority. */
  readonly localServer: Identity;
  /** The same, by a foreign authority. */
  readonly foreignLocalServer: Identity;
  readonly expiredLocalServer: Identity;
  readonly selfSignedLocalServer: Identity;
  /** For the names of `server`, with another key. */
  readonly renewedServer: Identity;
  /** For `second.example`, by the authority. */
  readonly secondServer: Identity;
  /** A certificate of 14 KB, for either side. */
  readonly manyNames: Identity;
  readonly selfSignedServer: Identity;
  readonly foreignServer: Identity;
  readonly expiredServer: Identity;
  readonly client: Identity;
  readonly otherClient: Identity;
  readonly foreignClient: Identity;
  readonly expiredClient: Identity;
}

let made: Promise<Certificates> | undefined;

export function certificates(): Promise<Certificates> {
  made ??= makeAll();
  return made;
}

async function makeAll(): Promise<Certificates> {
  const [authority, foreignAuthority] = await Promise.all([
    makeIdentity('authority', { isAuthority: true }),
    makeIdentity('foreign authority', { isAuthority: true }),
  ]);
  const names = ['cam.example', '*.cams.example'];
  const [server, renewedServer, secondServer, selfSignedServer, foreignServer, expiredServer] =
    await Promise.all([
      makeIdentity('server', { by: authority, names, address: '10.1.1.1' }),
      makeIdentity('renewed server', { by: authority, names }),
      makeIdentity('second server', { by: authority, names: ['second.example'] }),
      makeIdentity('self-signed server', { names }),
      makeIdentity('foreign server', { by: foreignAuthority, names }),
      makeIdentity('expired server', { by: authority, names, isExpired: true }),
    ]);
  const local = { names: ['localhost'], address: '127.0.0.1' };
  const [localServer, foreignLocalServer, expiredLocalServer, selfSignedLocalServer] = await Promise.all([
    makeIdentity('local server', { by: authority, ...local }),
    makeIdentity('foreign local server', { by: foreignAuthority, ...local }),
    makeIdentity('expired local server', { by: authority, ...local, isExpired: true }),
    makeIdentity('self-signed local server', local),
  ]);
  const manyNames = await makeIdentity('many names', {
    by: authority,
    names: ['cam.example', ...Array.from({ length: 400 }, (_, i) => `one-of-many-names-${i}.example`)],
  });
  const [client, otherClient, foreignClient, expiredClient] = await Promise.all([
    makeIdentity('client', { by: authority }),
    makeIdentity('other client', { by: authority }),
    makeIdentity('foreign client', { by: foreignAuthority }),
    makeIdentity('expired client', { by: authority, isExpired: true }),
  ]);
  return {
    authority,
    foreignAuthority,
    server,
    localServer,
    foreignLocalServer,
    expiredLocalServer,
    selfSignedLocalServer,
    renewedServer,
    secondServer,
    manyNames,
    selfSignedServer,
    foreignServer,
    expiredServer,
    client,
    otherClient,
    foreignClient,
    expiredClient,
  };
}

export interface Wish {
  readonly by?: Identity;
  readonly names?: readonly string[];
  readonly address?: string;
  readonly isAuthority?: boolean;
  readonly isExpired?: boolean;
}

export async function makeIdentity(commonName: string, wish: Wish): Promise<Identity> {
  const { by, names = [], address, isAuthority = false, isExpired = false } = wish;
  const altNames = [
    ...names.map((value) => ({ type: 2 as const, value })),
    ...(address === undefined ? [] : [{ type: 7 as const, ip: address }]),
  ];
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName' as const, altNames }]),
    ],
    ...(by && { ca: by }),
    ...(isExpired && { notBeforeDate: new Date(2020, 0, 1), notAfterDate: new Date(2020, 1, 1) }),
  });
  return { cert, key };
}
