/** Order of events, exporter, ALPN, server names, altered bytes and the handshake's own timeout. */
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { certificates } from '../support/certificates.js';
import { type Fact } from './fact.js';
import { attempt, CONTEXT, exported, LABEL, withPair } from './trusting-pair.js';
import { codeOf, createTlsServer, recordsOf, type Side } from './tls-pair.js';

export const handshakeFacts: readonly Fact[] = [
  {
    name: 'the client is done first and before its Finished is written; tickets come last, two of them',
    observe: () =>
      withPair({}, async (pair) => {
        await pair.run();
        return pair.story();
      }),
  },
  {
    name: 'without the Finished of the client the server says nothing, and exports nothing',
    observe: async () => {
      const { authority, server } = await certificates();
      const sockets: TLSSocket[] = [];
      // The only place where a server's socket shows itself before it is done.
      function SNICallback(
        this: TLSSocket,
        _name: string,
        callback: (error: null, context?: SecureContext) => void,
      ) {
        sockets.push(this);
        callback(null);
      }
      return withPair(
        { client: { ca: authority.cert }, server: { ...server, SNICallback } },
        async (pair) => {
          await pair.runUpToFinished();
          const before = sockets.map((socket) => attempt(() => exported(socket)));
          const said = pair.story('server');
          pair.pass('client');
          return { said, before, atOnce: pair.has('server secureConnection') };
        },
      );
    },
  },
  {
    name: 'the exporter of a client throws before secureConnect, and after destroy',
    observe: () =>
      withPair({}, async (pair) => {
        const before = attempt(() => exported(pair.client));
        await pair.run();
        pair.client.destroy();
        const atOnce = attempt(() => exported(pair.client));
        await pair.settle();
        return { before, atOnce, after: attempt(() => exported(pair.client)) };
      }),
  },
  {
    name: 'both ends export the same in the events themselves; label, length and context make a difference',
    observe: () =>
      withPair({}, async (pair) => {
        const inEvents: string[] = [];
        pair.client.once('secureConnect', () => inEvents.push(exported(pair.client)));
        pair.server.once('secureConnection', (socket: TLSSocket) => inEvents.push(exported(socket)));
        await pair.run();
        const at = pair.atServer ?? pair.client;
        const of = (label: string, context?: Buffer) =>
          at.exportKeyingMaterial(32, label, context as Buffer).toString('hex');
        return {
          same: inEvents.length === 2 && inEvents[0] === inEvents[1] && inEvents[0] === exported(at),
          otherLabel: exported(pair.client, 'EXPORTER-other') === exported(at),
          otherContext: exported(pair.client, LABEL, Buffer.from('else')) === exported(at),
          noContextIsEmptyContext: of(LABEL) === of(LABEL, Buffer.alloc(0)),
          shorterIsPrefix: of(LABEL, CONTEXT).startsWith(
            at.exportKeyingMaterial(16, LABEL, CONTEXT).toString('hex'),
          ),
        };
      }),
  },
  {
    name: 'while a write of the client is not called back: secureConnect comes, its Finished is not written',
    observe: () =>
      withPair({ isHoldingWrites: true }, async (pair) => {
        await pair.run();
        const held = pair.story();
        const from = pair.log.length;
        pair.clientEnd.releaseWrites();
        await pair.run();
        return { held, released: pair.story(from) };
      }),
  },
  ...(['a byte', 'nothing'] as const).map((what): Fact => ({
    name: `a long flight of the client is written in parts, all of them before the callback of a write of ${what}`,
    observe: () => longFlight(what === 'nothing' ? '' : 'x'),
  })),
  {
    name: 'a long flight of the server is written in parts, its tickets too',
    observe: async () => {
      const { authority, manyNames } = await certificates();
      const mutual = { ...manyNames, requestCert: true, ca: authority.cert };
      return withPair({ client: { ca: authority.cert, ...manyNames }, server: mutual }, async (pair) => {
        await pair.run();
        return pair.story();
      });
    },
  },
  {
    name: 'bytes may come one at a time',
    observe: () =>
      withPair({}, async (pair) => {
        for (let turn = 0; turn < 4; turn++) {
          await pair.settle();
          for (const side of ['client', 'server'] as const) {
            const end = side === 'client' ? pair.clientEnd : pair.serverEnd;
            const other = side === 'client' ? pair.serverEnd : pair.clientEnd;
            for (const byte of Buffer.concat(end.outbox.splice(0))) other.push(Buffer.from([byte]));
          }
        }
        await pair.settle();
        return pair.isSecureAtBoth && pair.sessions.length;
      }),
  },
  {
    name: 'both tickets of one delivery are told in that delivery',
    observe: () =>
      withPair({}, async (pair) => {
        await pair.runUpToFinished();
        pair.pass('client');
        await pair.settle();
        pair.pass('server');
        return { sessionsAtOnce: pair.sessions.length };
      }),
  },
  {
    name: 'a hello of the client fits a datagram of 1,200 bytes',
    observe: () =>
      withPair({}, async (pair) => {
        await pair.settle();
        return Buffer.concat(pair.clientEnd.outbox).length <= 1_200;
      }),
  },
  {
    name: 'a hello with one classic group fits a datagram',
    observe: () =>
      withPair({ client: { ecdhCurve: 'X25519' } }, async (pair) => {
        await pair.settle();
        const bytes = Buffer.concat(pair.clientEnd.outbox).length;
        await pair.run();
        return bytes <= 300 && pair.isSecureAtBoth;
      }),
  },
  ...(
    [
      ['both ask for another protocol', ['udprpc/2'], ['udprpc/1']],
      ['only the client asks for one', ['udprpc/1'], undefined],
      ['only the server asks for one', undefined, ['udprpc/1']],
      ['one of several is common', ['udprpc/2', 'udprpc/1'], ['udprpc/1']],
    ] as const
  ).map(([what, ofClient, ofServer]): Fact => ({
    name: `ALPN: ${what}`,
    observe: () =>
      withPair({ client: alpn(ofClient), server: alpn(ofServer) }, async (pair) => {
        await pair.run();
        return { log: pair.story(), client: pair.client.alpnProtocol, server: pair.atServer?.alpnProtocol };
      }),
  })),
  {
    name: 'a client of TLS 1.2: both learn it, the client by an alert',
    observe: () =>
      withPair({ client: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } }, async (pair) => {
        await pair.run();
        return pair.story();
      }),
  },
  {
    name: 'no common cipher suite: both learn it, the client by an alert',
    observe: () =>
      withPair(
        { client: { ciphers: 'TLS_AES_128_GCM_SHA256' }, server: { ciphers: 'TLS_AES_256_GCM_SHA384' } },
        async (pair) => {
          await pair.run();
          return pair.story();
        },
      ),
  },
  {
    name: 'bytes that are no TLS: the server learns it, and says so',
    observe: () =>
      withPair({}, async (pair) => {
        pair.serverEnd.push('GET / HTTP/1.1\r\n\r\n');
        await pair.settle();
        return pair.story('server');
      }),
  },
  ...(['addContext', 'SNICallback', 'SNICallback, later'] as const).map((way): Fact => ({
    name: `server names by ${way}`,
    observe: () => namedServer(way),
  })),
  ...(['10.1.1.1 as host', '10.1.1.1 as servername', 'neither', 'a name as host'] as const).map(
    (way): Fact => ({
      name: `who the server is, of ${way}`,
      observe: () => serverIdentity(way),
    }),
  ),
  {
    name: 'a byte altered anywhere in the handshake: never two ends with the same keys, but for what no record protects',
    observe: alteredBytes,
  },
  {
    name: 'a ticket altered on its way: the client errs although it is done',
    observe: () =>
      withPair({}, async (pair) => {
        await pair.runUpToFinished();
        pair.pass('client');
        await pair.settle();
        const from = pair.log.length;
        pair.pass('server', (bytes) => bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte)) as Buffer);
        await pair.run();
        return pair.story(from);
      }),
  },
  {
    name: 'a handshake that goes nowhere: only the server says so, nobody ends it, no timer keeps the process',
    observe: async () => {
      const timers = timerCount();
      return withPair({ server: { handshakeTimeout: 1 } }, async (pair) => {
        const added = timerCount() - timers;
        // Else Node would leave before.
        const alive = setTimeout(() => undefined, 60_000);
        await new Promise((resolve) => pair.server.once('tlsClientError', resolve));
        clearTimeout(alive);
        await pair.settle();
        return { timersThatKeepTheProcess: added, log: pair.story() };
      });
    },
  },
];

async function longFlight(data: string): Promise<unknown> {
  const { authority, server, manyNames } = await certificates();
  const mutual = { ...server, requestCert: true, ca: authority.cert };
  return withPair({ client: { ca: authority.cert, ...manyNames }, server: mutual }, async (pair) => {
    pair.client.once('secureConnect', () => {
      pair.client.write(data, () => pair.log.push('client called back'));
    });
    await pair.runUpToFinished();
    return pair.story();
  });
}

function alpn(protocols: readonly string[] | undefined): { ALPNProtocols: string[] } {
  return { ALPNProtocols: protocols && [...protocols] } as { ALPNProtocols: string[] };
}

async function namedServer(way: 'addContext' | 'SNICallback' | 'SNICallback, later'): Promise<unknown> {
  const { authority, server, secondServer } = await certificates();
  const context = createSecureContext({ ...secondServer });
  const answer = (name: string) => (name === 'second.example' ? context : undefined);
  const tlsServer = createTlsServer({
    ...server,
    ...(way !== 'addContext' && {
      SNICallback: (name: string, callback: (error: null, context?: SecureContext) => void) => {
        if (way === 'SNICallback') callback(null, answer(name));
        else setImmediate(callback, null, answer(name));
      },
    }),
  });
  if (way === 'addContext') tlsServer.addContext('second.example', secondServer);
  const seen: unknown[] = [];
  for (const servername of ['second.example', 'cam.example']) {
    await withPair({ client: { ca: authority.cert, servername }, server: tlsServer }, async (pair) => {
      await pair.run();
      seen.push([
        pair.client.getPeerCertificate().subject.CN,
        pair.atServer && servernameOf(pair.atServer),
        pair.log.filter((line) => line.includes('secure')).join(', '),
      ]);
    });
  }
  return seen;
}

async function serverIdentity(way: string): Promise<unknown> {
  const { authority } = await certificates();
  const options = {
    '10.1.1.1 as host': { host: '10.1.1.1', servername: undefined },
    '10.1.1.1 as servername': { servername: '10.1.1.1' },
    neither: { servername: undefined },
    'a name as host': { host: 'cam.example', servername: undefined },
  }[way] as { servername: string };
  try {
    return await withPair({ client: { ca: authority.cert, ...options } }, async (pair) => {
      await pair.run();
      return pair.isSecureAtBoth
        ? `accepted, servername ${String(pair.atServer && servernameOf(pair.atServer))}`
        : pair.clientError?.message;
    });
  } catch (error) {
    return `throws ${codeOf(error)}`;
  }
}

function servernameOf(socket: TLSSocket): unknown {
  return (socket as TLSSocket & { servername?: string | false }).servername;
}

/** Every record of the three flights, in its header and in some places of its body, one alteration a handshake. */
async function alteredBytes(): Promise<unknown> {
  const harmless = new Set<string>();
  let secureAtOneEnd = 0;
  let alterations = 0;
  for (const flight of [0, 1, 2]) {
    for (let place = 0, placeCount = 1; place < placeCount; place++) {
      await withPair({}, async (pair) => {
        let flights = 0;
        let where = '';
        const alter = (bytes: Buffer): Buffer => {
          if (bytes.length === 0 || flights++ !== flight) return bytes;
          const places = placesOf(bytes);
          placeCount = places.length;
          const { at, name } = places[place] ?? { at: 0, name: '' };
          where = `flight ${flight + 1}, ${name}`;
          bytes[at] = (bytes[at] ?? 0) ^ 1;
          return bytes;
        };
        for (const side of ['client', 'server', 'client', 'server'] as Side[]) {
          await pair.settle();
          pair.pass(side, alter);
        }
        await pair.settle();
        alterations++;
        const at = pair.atServer;
        if (pair.isSecureAtBoth && at && exported(at) === exported(pair.client)) harmless.add(where);
        else if (pair.has('client secureConnect') || pair.has('server secureConnection')) secureAtOneEnd++;
      });
    }
  }
  return { isEnough: alterations > 60, secureAtOneEnd: secureAtOneEnd > 0, harmless: [...harmless].sort() };
}

function placesOf(bytes: Buffer): readonly { at: number; name: string }[] {
  return recordsOf(bytes).flatMap(({ start, end }, i) => {
    const body = end - start - 5;
    const inBody = [...new Set([0, 1, 2, 4, 5, 20, 40, 60, body >> 1, body - 2, body - 1])].filter(
      (it) => it >= 0 && it < body,
    );
    return [
      ...['type', 'version', 'version', 'length', 'length'].map((name, at) => ({
        at: start + at,
        name: `${name} of record ${i + 1}`,
      })),
      ...inBody.map((it) => ({ at: start + 5 + it, name: `byte ${it} of record ${i + 1}` })),
    ];
  });
}

function timerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
