/** Tickets: when there are any, what a resumed session leaves unchecked, and what a new certificate does to them. */
import { type ConnectionOptions, type PeerCertificate, type Server, type TLSSocket } from 'node:tls';
import { type Certificates, certificates } from '../support/certificates.js';
import { type Fact } from './fact.js';
import { codeOf, createTlsServer, type TlsPair } from './tls-pair.js';
import { exported, withPair } from './trusting-pair.js';

export const sessionFacts: readonly Fact[] = [
  resumption('a ticket of the same server and name', {}),
  resumption('the same ticket a second time', { uses: 2 }),
  resumption('a ticket of another name', { client: () => ({ servername: 'other.example' }) }),
  resumption('a copy of the ticket', { isCopy: true }),
  resumption('a copy of a ticket of another name', {
    isCopy: true,
    client: () => ({ servername: 'other.example' }),
  }),
  resumption('a ticket of another name that the certificate has too', {
    client: () => ({ servername: 'door.cams.example' }),
  }),
  resumption('a ticket of another address', { client: () => ({ servername: undefined, host: '10.9.9.9' }) }),
  resumption('a ticket of an authority that is trusted no more', {
    client: (all) => ({ ca: all.foreignAuthority.cert }),
  }),
  resumption('a ticket, now with another ALPN', { client: () => ({ ALPNProtocols: ['udprpc/2'] }) }),
  resumption('mutual: the same client', { isMutual: true }),
  resumption('mutual: now without a certificate', {
    isMutual: true,
    client: () => ({ cert: undefined, key: undefined }),
  }),
  resumption('mutual: now with another certificate', { isMutual: true, client: (all) => all.otherClient }),
  resumption('a ticket of before setSecureContext', {
    between: (server, all) => {
      server.setSecureContext(all.renewedServer);
      return server;
    },
  }),
  resumption('a ticket of before setSecureContext that was given the old ticket keys', {
    between: (server, all) => {
      server.setSecureContext({ ...all.renewedServer, ticketKeys: server.getTicketKeys() });
      return server;
    },
  }),
  resumption('a ticket of before setSecureContext, setTicketKeys of the old ones after it', {
    between: (server, all) => {
      const keys = server.getTicketKeys();
      server.setSecureContext(all.renewedServer);
      server.setTicketKeys(keys);
      return server;
    },
  }),
  resumption('a ticket of another server', {
    between: (_, all) => createTlsServer(all.server),
  }),
  resumption('a ticket of another server with the same ticket keys', {
    between: (server, all) => createTlsServer({ ...all.server, ticketKeys: server.getTicketKeys() }),
  }),
  resumption('a ticket of another server with the same ticket keys and another sessionIdContext', {
    between: (server, all) =>
      createTlsServer({ ...all.server, ticketKeys: server.getTicketKeys(), sessionIdContext: 'other' }),
  }),
  resumption('mutual: a ticket of a server that did not ask', {
    client: (all) => all.client,
    between: (server, all) =>
      createTlsServer({
        ...all.server,
        ticketKeys: server.getTicketKeys(),
        requestCert: true,
        ca: all.authority.cert,
      }),
  }),
  resumption('mutual: a ticket of a server that did not ask, from a client that has no certificate', {
    between: (server, all) =>
      createTlsServer({
        ...all.server,
        ticketKeys: server.getTicketKeys(),
        requestCert: true,
        ca: all.authority.cert,
      }),
  }),
  resumption('mutual: a ticket, after the server has ceased to trust the authority of the client', {
    isMutual: true,
    between: (server, all) =>
      createTlsServer({
        ...all.server,
        ticketKeys: server.getTicketKeys(),
        requestCert: true,
        ca: all.foreignAuthority.cert,
      }),
  }),
  {
    name: 'getSession in secureConnect, before a ticket has come, resumes nothing',
    observe: async () => {
      const { server } = await certificates();
      const tlsServer = createTlsServer(server);
      const session = await withPair({ server: tlsServer }, async (pair) => {
        await pair.runUpToFinished();
        return pair.client.getSession();
      });
      return withPair({ server: tlsServer, client: { ...(session && { session }) } }, async (pair) => {
        await pair.run();
        return { hasSession: session !== undefined, isReused: pair.client.isSessionReused() };
      });
    },
  },
  {
    name: 'setSecureContext: new handshakes get the new certificate, one that has begun the old one, old ones go on',
    observe: newCertificate,
  },
  {
    name: 'setSecureContext with a certificate that does not fit its key throws and changes nothing',
    observe: async () => {
      const { server, client, authority } = await certificates();
      const tlsServer = createTlsServer(server);
      let thrown = 'nothing';
      try {
        tlsServer.setSecureContext({ cert: server.cert, key: client.key });
      } catch (error) {
        thrown = codeOf(error);
      }
      const certificate = await withPair(
        { server: tlsServer, client: { ca: authority.cert } },
        async (pair) => {
          await pair.run();
          return pair.isSecureAtBoth && pair.client.getPeerCertificate().subject.CN;
        },
      );
      return { thrown, certificate };
    },
  },
];

interface Resumption {
  readonly isMutual?: boolean;
  readonly uses?: number;
  /** Node may know more of its own ticket than what is in it. */
  readonly isCopy?: boolean;
  /** How the second client differs from the first. */
  readonly client?: (
    all: Certificates,
  ) => ConnectionOptions | { servername: undefined; host: string } | { cert: undefined; key: undefined };
  /** What becomes of the server before it. */
  readonly between?: (server: Server, all: Certificates) => Server;
}

function resumption(name: string, wish: Resumption): Fact {
  return { name: `resumed with ${name}`, observe: () => resumed(wish) };
}

async function resumed(wish: Resumption): Promise<unknown> {
  const { isMutual = false, uses = 1, client, between, isCopy = false } = wish;
  const all = await certificates();
  const first: ConnectionOptions = { ca: all.authority.cert, ...(isMutual && all.client) };
  const before = createTlsServer({
    ...all.server,
    ...(isMutual && { requestCert: true, ca: all.authority.cert }),
  });
  const { session, firstKey } = await withPair({ client: first, server: before }, async (pair) => {
    await pair.run();
    return { session: pair.sessions.at(-1), firstKey: exported(pair.client) };
  });
  if (session === undefined) throw new Error('no ticket');
  const after = between?.(before, all) ?? before;
  let seen: unknown;
  for (let use = 0; use < uses; use++) {
    const second = {
      ...first,
      ...client?.(all),
      session: isCopy ? Buffer.from(session) : session,
    } as ConnectionOptions;
    seen = await withPair({ client: second, server: after }, async (pair) => {
      await pair.run();
      return pair.isSecureAtBoth
        ? whatIsKnown(pair, firstKey)
        : { refused: pair.story(), reason: pair.authorizationError ?? pair.client.authorizationError };
    });
  }
  return seen;
}

function whatIsKnown(pair: TlsPair, firstKey: string): unknown {
  const { client, atServer } = pair;
  const key = exported(client);
  return {
    reused: [client.isSessionReused(), atServer?.isSessionReused()],
    authorized: [client.authorized, atServer?.authorized],
    peers: [client, atServer].map((socket) => socket && subjectOf(socket)),
    x509: [client.getPeerX509Certificate()?.subject, atServer?.getPeerX509Certificate()?.subject],
    alpn: client.alpnProtocol,
    areKeysEqual: atServer !== undefined && exported(atServer) === key,
    areKeysOfFirst: key === firstKey,
    newTickets: pair.sessions.length,
  };
}

/** An empty object stands for no certificate, whatever its type says. */
function subjectOf(socket: TLSSocket): unknown {
  return (socket.getPeerCertificate() as Partial<PeerCertificate>).subject?.CN;
}

async function newCertificate(): Promise<unknown> {
  const { server, renewedServer, authority } = await certificates();
  const tlsServer = createTlsServer(server);
  const client = { ca: authority.cert };
  const name = (pair: TlsPair) => pair.client.getPeerCertificate().subject.CN;
  return withPair({ server: tlsServer, client }, (old) =>
    withPair({ server: tlsServer, client }, (begun) =>
      withPair({ server: tlsServer, client }, async (unheard) => {
        await old.run();
        await begun.settle();
        begun.pass('client');
        await begun.settle();
        tlsServer.setSecureContext(renewedServer);
        await begun.run();
        await unheard.run();
        const fresh = await withPair({ server: tlsServer, client }, async (pair) => {
          await pair.run();
          return name(pair);
        });
        const from = old.log.length;
        old.atServer?.write('still here');
        old.client.resume();
        await old.run();
        return {
          old: name(old),
          exporter: old.atServer && exported(old.atServer) === exported(old.client),
          afterwards: old.story(from),
          'client’s hello read before': name(begun),
          'client’s hello read after': name(unheard),
          fresh,
        };
      }),
    ),
  );
}
