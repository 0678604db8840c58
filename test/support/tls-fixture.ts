/** A server of the test service under TLS, what has come to its handlers, and clients of it. */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type ChannelOptions,
  type Channel,
  type Client,
  createChannel,
  createClient,
  createServer,
  type Server,
  type ServerOptions,
  type ServiceImplementation,
} from '../../src/index.js';

export interface TlsServer {
  readonly server: Server;
  readonly port: number;
  /** Payloads of `echo` that have come to its handler. */
  readonly echoed: Uint8Array[];
}

export interface TlsClient {
  readonly channel: Channel;
  readonly client: Client<typeof TestServiceDefinition>;
}

const closing: (() => Promise<unknown>)[] = [];

/** The last opened first. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** Closed by `closeAll`. */
export function closeLater(close: () => Promise<unknown>): void {
  closing.push(close);
}

export async function serveEcho(options: ServerOptions): Promise<TlsServer> {
  const server = createServer(options);
  const echoed: Uint8Array[] = [];
  const implementation: Partial<ServiceImplementation<typeof TestServiceDefinition>> = {
    echo: async ({ payload }) => {
      echoed.push(payload);
      return { payload };
    },
  };
  server.add(TestServiceDefinition, implementation as ServiceImplementation<typeof TestServiceDefinition>);
  const port = await server.listen('127.0.0.1:0');
  closeLater(() => server.shutdown({ graceMs: 0 }));
  return { server, port, echoed };
}

export function connectTo(port: number, options: ChannelOptions): TlsClient {
  const channel = createChannel(`udps://127.0.0.1:${port}`, options);
  closeLater(() => channel.close());
  return { channel, client: createClient(TestServiceDefinition, channel) };
}
