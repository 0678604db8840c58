/** The ways between a client and a server that lead through a gateway, each made anew for a test and closed behind it. */
import { type ClientOptions } from '@grpc/grpc-js';
import { type ChannelOptions, type ServerOptions } from '../../../src/index.js';
import { createGrpcToUdpGateway, createUdpToGrpcGateway, type Gateway } from '../../../src/gateway/index.js';
import { type Behaviour, type ClientEnd, type ServerEnd } from './bytes-service.js';
import { grpcClient, serveGrpc } from './grpc-end.js';
import { serveUdp, udpClient } from './udp-end.js';

export interface RouteOptions {
  /** Of the ends, and of the gateways between. */
  readonly channel?: ChannelOptions;
  readonly server?: ServerOptions;
  /** Of the client, where it is grpc-js. */
  readonly grpcClient?: ClientOptions;
}

export interface Route {
  readonly client: ClientEnd;
  readonly server: ServerEnd;
  /** From the client's side. */
  readonly gateways: readonly Gateway[];
}

export const ROUTES = [
  { route: 'gRPC to UDP', open: grpcToUdp, startsIn: 'gRPC', endsIn: 'UDP' },
  { route: 'UDP to gRPC', open: udpToGrpc, startsIn: 'UDP', endsIn: 'gRPC' },
  { route: 'gRPC to UDP to gRPC', open: backToBack, startsIn: 'gRPC', endsIn: 'gRPC' },
] as const;

const open: { close(): Promise<void> }[] = [];

afterEach(closeAll);

/** Closed after the test, what was opened last first. */
export function closeLater<Closable extends { close(): Promise<void> }>(thing: Closable): Closable {
  open.push(thing);
  return thing;
}

export async function closeAll(): Promise<void> {
  for (const thing of open.splice(0).reverse()) await thing.close();
}

export async function listenGateway(gateway: Gateway): Promise<number> {
  closeLater({ close: () => gateway.shutdown({ graceMs: 0 }) });
  return gateway.listen('127.0.0.1:0');
}

async function grpcToUdp(
  behave: Behaviour,
  { channel, server, grpcClient: options }: RouteOptions = {},
): Promise<Route> {
  const end = closeLater(await serveUdp(behave, server));
  const gateway = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${end.port}`, channel });
  const port = await listenGateway(gateway);
  return { client: closeLater(grpcClient(`127.0.0.1:${port}`, options)), server: end, gateways: [gateway] };
}

async function udpToGrpc(behave: Behaviour, { channel, server }: RouteOptions = {}): Promise<Route> {
  const end = closeLater(await serveGrpc(behave, ANY_SIZE));
  const gateway = createUdpToGrpcGateway({ target: `http://127.0.0.1:${end.port}`, server });
  const port = await listenGateway(gateway);
  return {
    client: closeLater(udpClient(`udp://127.0.0.1:${port}`, channel)),
    server: end,
    gateways: [gateway],
  };
}

async function backToBack(
  behave: Behaviour,
  { channel, server, grpcClient: options }: RouteOptions = {},
): Promise<Route> {
  const end = closeLater(await serveGrpc(behave, ANY_SIZE));
  const near = createUdpToGrpcGateway({ target: `http://127.0.0.1:${end.port}`, server });
  const far = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${await listenGateway(near)}`, channel });
  const port = await listenGateway(far);
  return { client: closeLater(grpcClient(`127.0.0.1:${port}`, options)), server: end, gateways: [far, near] };
}

/** The limits of grpc-js are not the gateway's. */
const ANY_SIZE = { 'grpc.max_receive_message_length': -1 };
