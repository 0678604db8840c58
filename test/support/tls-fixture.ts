/** A server of the test service, under TLS or not, what has come to its handlers, and clients of it. */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type ChannelOptions,
  type Channel,
  type Client,
  createChannel,
  createClient,
  type ServerOptions,
  type ServiceImplementation,
} from '../../src/index.js';
import { realEnvironment } from '../../src/driver/real-environment.js';
import { Server } from '../../src/rpc/server/server.js';
import { type ConnectionWatch } from './connection-watch.js';
import { CountedAcceptor } from './counted-acceptor.js';
import { DatagramRelay, type Fate } from './datagram-relay.js';

export type TestImplementation = ServiceImplementation<typeof TestServiceDefinition>;

export interface TlsServer {
  readonly server: Server;
  readonly port: number;
  /** Payloads of `echo` that have come to its handler. */
  readonly echoed: Uint8Array[];
  /** Keys of `add`, whose idempotency is not declared. */
  readonly added: string[];
  readonly warnings: readonly string[];
  readonly watch: ConnectionWatch;
  readonly acceptor: CountedAcceptor;
}

export interface TlsClient {
  readonly channel: Channel;
  readonly client: Client<typeof TestServiceDefinition>;
}

type Close = () => Promise<unknown>;
const closing: Close[] = [];

/** The last opened first. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** Closed by `closeAll`. */
export function closeLater(close: Close): void {
  closing.push(close);
}

/** `more`: methods beside `echo` and `add`, or in their place; others are not served. */
export async function serveEcho(
  options: ServerOptions,
  more: Partial<TestImplementation> = {},
): Promise<TlsServer> {
  const warnings: string[] = [];
  // As createServer does it, with somebody who looks on.
  const acceptor = new CountedAcceptor({ ...options, warn: (line) => warnings.push(line) });
  const server = new Server(acceptor, realEnvironment, options);
  const echoed: Uint8Array[] = [];
  const added: string[] = [];
  const implementation: Partial<TestImplementation> = {
    echo: async ({ payload }) => {
      echoed.push(payload);
      return { payload };
    },
    add: async ({ key, amount }) => {
      added.push(key);
      return { total: amount };
    },
    ...more,
  };
  server.add(TestServiceDefinition, implementation as TestImplementation);
  const port = await server.listen('127.0.0.1:0');
  closeLater(() => server.shutdown({ graceMs: 0 }));
  return { server, port, echoed, added, warnings, watch: acceptor.watch, acceptor };
}

/** Someone between the server and the clients of this one's port: see `DatagramRelay.open`. */
export async function relayTo(
  { port }: TlsServer,
  newFate: () => Fate,
  delayMs?: number,
): Promise<DatagramRelay> {
  const relay = await DatagramRelay.open(port, newFate, delayMs);
  closeLater(() => relay.close());
  return relay;
}

/** Speaks TLS where it is given options of it. */
export function connectTo(port: number, options: ChannelOptions): TlsClient {
  const scheme = options.tls === undefined ? 'udp' : 'udps';
  const channel = createChannel(`${scheme}://127.0.0.1:${port}`, options);
  closeLater(() => channel.close());
  return { channel, client: createClient(TestServiceDefinition, channel) };
}
