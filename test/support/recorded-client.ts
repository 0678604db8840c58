/** An honest client, and someone in the middle who keeps all datagrams of it and of its server, and may say more in either's name. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { type DatagramRelay, type Fate, type Passing, unchanged } from './datagram-relay.js';
import { RawSocket } from './raw-socket.js';
import { closeLater, connectTo, relayTo, type TlsClient, type TlsServer } from './tls-fixture.js';

type ChannelOptions = Parameters<typeof connectTo>[1];

/** Far from what fills the buffer of a socket. */
const AT_ONCE = 32;
const LONGEST_MS = 10_000;

export class RecordedClient {
  readonly recorded: Record<Passing['from'], Uint8Array[]> = { client: [], server: [] };
  readonly relay: DatagramRelay;
  readonly channel: TlsClient['channel'];
  readonly client: TlsClient['client'];
  readonly #elsewhere: RawSocket;
  readonly #serverPort: number;

  /** `fate`: what becomes of what both say themselves. */
  static async connect(
    server: TlsServer,
    options: ChannelOptions,
    fate: Fate = unchanged,
  ): Promise<RecordedClient> {
    const recorded: RecordedClient['recorded'] = { client: [], server: [] };
    const relay = await relayTo(server, () => (passing) => {
      recorded[passing.from].push(passing.bytes.slice());
      return fate(passing);
    });
    const elsewhere = await RawSocket.open();
    closeLater(() => elsewhere.close());
    return new RecordedClient(server.port, relay, connectTo(relay.port, options), elsewhere, recorded);
  }

  private constructor(
    serverPort: number,
    relay: DatagramRelay,
    { channel, client }: TlsClient,
    elsewhere: RawSocket,
    recorded: RecordedClient['recorded'],
  ) {
    this.#serverPort = serverPort;
    this.relay = relay;
    this.channel = channel;
    this.client = client;
    this.#elsewhere = elsewhere;
    this.recorded = recorded;
  }

  /** By which the client addresses the server. */
  get serverId(): Uint8Array {
    return sourceIdOf(this.recorded.server);
  }

  get clientId(): Uint8Array {
    return sourceIdOf(this.recorded.client);
  }

  /** From an address that is nobody's. Resolves when the system has taken it. */
  sendFromElsewhere(bytes: Uint8Array, port: number): Promise<void> {
    return this.#elsewhere.send(bytes, port);
  }

  /** From another address, and where it is the client's server from the client's own in turn. Resolves when it has seen them all. */
  async attackServer(server: TlsServer, datagrams: readonly Uint8Array[]): Promise<void> {
    let awaited = server.acceptor.datagramsReceived;
    for (const [i, datagram] of datagrams.entries()) {
      if (i % 2 === 0 && server.port === this.#serverPort) this.relay.inject('server', datagram);
      else await this.sendFromElsewhere(datagram, server.port);
      awaited++;
      if (i % AT_ONCE !== AT_ONCE - 1 && i !== datagrams.length - 1) continue;
      await until(() => server.acceptor.datagramsReceived >= awaited);
    }
  }

  /** From the server's address. The last must be one that the connection takes for damaged: so it is seen that all have come. */
  async attackClient(datagrams: readonly Uint8Array[]): Promise<void> {
    const [last] = datagrams.slice(-1);
    if (last === undefined) return;
    for (let start = 0; start < datagrams.length - 1; start += AT_ONCE) {
      for (const datagram of datagrams.slice(start, Math.min(start + AT_ONCE, datagrams.length - 1)))
        this.relay.inject('client', datagram);
      const before = this.packetsDamaged;
      this.relay.inject('client', last);
      await until(() => this.packetsDamaged > before);
    }
  }

  get packetsDamaged(): number {
    return this.channel.stats()?.packetsDamaged ?? 0;
  }
}

/** Looks again and again, and throws where it is not to be. */
export async function until(isTrue: () => boolean): Promise<void> {
  const startedAt = performance.now();
  while (!isTrue()) {
    if (performance.now() - startedAt > LONGEST_MS)
      throw new Error(`not within ${LONGEST_MS} ms: ${String(isTrue)}`);
    await turnOfTheLoop();
  }
}

/** Which the sender of the first datagram has given itself. */
function sourceIdOf([hello]: readonly Uint8Array[]): Uint8Array {
  if (hello === undefined) throw new Error('nothing was said yet');
  return hello.slice(15, 23);
}
