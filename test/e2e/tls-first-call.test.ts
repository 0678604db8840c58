/** When the first calls of a connection of TLS leave, and when their handlers start, as seen by somebody on the path. */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  createServer,
  type Server,
  type ServerTlsOptions,
  type ServiceImplementation,
  Status,
} from '../../src/index.js';
import { decodeHeader } from '../../src/transport/wire/header.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { DatagramRelay, type Passing } from '../support/datagram-relay.js';
import { closeAll, closeLater, connectTo, type TlsClient } from '../support/tls-fixture.js';
import { closeAll as closeClients, connectClient } from '../support/udp-fixture.js';

let made: Certificates;
beforeAll(async () => {
  made = await certificates();
});
afterEach(async () => {
  await closeClients();
  await closeAll();
});

const answer = Uint8Array.of(1, 2, 3);

/** Counts what its handlers are asked, and tells of it. */
class CountedServer {
  readonly started: string[] = [];
  readonly #server: Server;
  #onStart: () => void = () => undefined;

  constructor(tls: ServerTlsOptions) {
    this.#server = createServer({ tls });
    const implementation: Partial<ServiceImplementation<typeof TestServiceDefinition>> = {
      echo: async ({ payload }) => {
        this.#note('echo');
        return { payload };
      },
      add: async () => {
        this.#note('add');
        return { total: 7n };
      },
    };
    this.#server.add(
      TestServiceDefinition,
      implementation as ServiceImplementation<typeof TestServiceDefinition>,
    );
  }

  async listen(): Promise<number> {
    const port = await this.#server.listen('127.0.0.1:0');
    closeLater(() => this.#server.shutdown({ graceMs: 0 }));
    return port;
  }

  /** Resolves when so many handlers have started. */
  async untilStarted(count: number): Promise<void> {
    while (this.started.length < count) await new Promise<void>((resolve) => (this.#onStart = resolve));
  }

  #note(method: string): void {
    this.started.push(method);
    this.#onStart();
  }
}

/** Holds packets back until it is told to let them go; what it does not hold, it passes on. */
class HoldingRelay {
  isHolding = true;
  /** Packets that were passed on, by who sent them and of which kind. */
  readonly passed: string[] = [];
  /** Those of each datagram that was passed on, joined. */
  readonly datagrams: string[] = [];
  readonly #holds: (from: Passing['from'], isHello: boolean, index: number) => boolean;
  #relay: DatagramRelay | undefined;
  #onPassed: () => void = () => undefined;

  /** `index`: of the datagram, from 0 in its direction. */
  constructor(holds: (from: Passing['from'], isHello: boolean, index: number) => boolean) {
    this.#holds = holds;
  }

  async open(serverPort: number): Promise<number> {
    this.#relay = await DatagramRelay.open(serverPort, () => (passing) => this.#pass(passing));
    closeLater(() => this.#relay?.close() ?? Promise.resolve());
    return this.#relay.port;
  }

  async untilPassed(kind: string): Promise<void> {
    while (!this.passed.includes(kind)) await new Promise<void>((resolve) => (this.#onPassed = resolve));
  }

  /** Of the first datagram of a client that has a PROTECTED packet: all its packets. */
  get firstWithCall(): string | undefined {
    return this.datagrams.find((packets) => packets.includes('client PROTECTED'));
  }

  /** What is held is lost: whoever sent it sends it again. */
  #pass({ from, index, bytes }: Passing): readonly Uint8Array[] {
    const kept: Uint8Array[] = [];
    const before = this.passed.length;
    for (let offset = 0; offset < bytes.length;) {
      const header = decodeHeader(bytes, offset, 8);
      if (typeof header === 'string') throw new Error(header);
      const isHello = header.kind !== 'short';
      const packet = bytes.subarray(offset, header.packetEnd);
      offset = header.packetEnd;
      if (this.isHolding && this.#holds(from, isHello, index)) continue;
      kept.push(packet);
      this.passed.push(`${from} ${isHello ? 'HELLO' : 'PROTECTED'}`);
      this.#onPassed();
    }
    this.datagrams.push(this.passed.slice(before).join(', '));
    return kept.length === 0 ? [] : [Buffer.concat(kept)];
  }
}

const call = {
  echo: ({ client }: TlsClient) => client.echo({ payload: answer }, { timeoutMs: 9_000 }),
  add: ({ client }: TlsClient) => client.add({ key: 'a', amount: 7n }, { timeoutMs: 9_000 }),
};

describe.each(['echo', 'add'] as const)('the first call of a connection, %s', (method) => {
  test('[RPC-11] [TLS-4] leaves with the Finished of the client, two round trips before its answer', async () => {
    const server = new CountedServer(made.localServer);
    // Of the server nothing gets through but its TLS flight: no HANDSHAKE_DONE, whatever the packet is in.
    const relay = new HoldingRelay((from, isHello) => from === 'server' && !isHello);
    const client = connectTo(await relay.open(await server.listen()), { tls: { ca: made.authority.cert } });
    const called = call[method](client);
    await server.untilStarted(1);
    expect(relay.passed).not.toContain('server PROTECTED');
    expect(relay.firstWithCall).toBe('client HELLO, client PROTECTED');
    expect(client.channel.state).toBe('connecting');
    relay.isHolding = false;
    await called;
    expect([server.started, client.channel.state]).toEqual([[method], 'ready']);
  });

  test.each([
    ['its Finished', () => ({ ca: made.authority.cert }), {}],
    [
      'its certificate and its Finished',
      () => ({ ca: made.authority.cert, cert: made.client.cert, key: made.client.key }),
      { requestCert: true },
    ],
  ])('[HSK-5] starts no handler before the client has shown %s', async (_what, tls, asking) => {
    const server = new CountedServer({ ...made.localServer, ca: made.authority.cert, ...asking });
    const port = await server.listen();
    let hasServerSpoken = false;
    const relay = new HoldingRelay((from, isHello) => {
      hasServerSpoken ||= from === 'server';
      return from === 'client' && isHello && hasServerSpoken;
    });
    const called = call[method](connectTo(await relay.open(port), { tls: tls() }));
    await relay.untilPassed('client PROTECTED');
    // Somebody else, all of whose packets come after that one, is served meanwhile.
    await call.echo(connectTo(port, { tls: tls() }));
    expect(server.started).toEqual(['echo']);
    relay.isHolding = false;
    await called;
    expect(server.started).toEqual(['echo', method]);
  });

  test('[TLS-3] [HSK-13] starts no handler where the certificate of the client is refused', async () => {
    const server = new CountedServer({ ...made.localServer, ca: made.authority.cert, requestCert: true });
    const relay = new HoldingRelay(() => false);
    const { cert, key } = made.foreignClient;
    const client = connectTo(await relay.open(await server.listen()), {
      tls: { ca: made.authority.cert, cert, key },
    });
    await expect(call[method](client)).rejects.toMatchObject({
      code: Status.UNAUTHENTICATED,
      maybeExecuted: false,
      attempts: 1,
    });
    // It was sent, and nobody could read it.
    expect(relay.passed).toContain('client PROTECTED');
    expect(server.started).toEqual([]);
  });
});

test('of several addresses the one whose handshake is complete is taken, and calls leave with the Finished there too', async () => {
  const server = new CountedServer(made.localServer);
  const relay = new HoldingRelay((from, isHello) => from === 'server' && !isHello);
  const port = await relay.open(await server.listen());
  const client = await connectClient(`udps://localhost:${port}`, {
    lookup: async () => ['::1', '127.0.0.1'],
    tls: { ca: made.authority.cert },
  });
  expect(client.transport).toMatchObject({ isHandshakeComplete: true, isReady: false });
  relay.isHolding = false;
  await client.ready;
});
