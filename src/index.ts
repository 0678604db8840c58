/**
 * The public door: servers, channels and clients over UDP sockets, the words of nice-grpc that a service or a middleware
 * is written with, and the one error that a caller meets. Everything else is inside.
 *
 * @module
 */
import { emitWarning } from './driver/emit-warning.js';
import { realEnvironment } from './driver/real-environment.js';
import { type DnsOptions, serverSource } from './driver/server-source.js';
import { TargetError } from './driver/target.js';
import { UdpAcceptor, type UdpAcceptorOptions } from './driver/udp-acceptor.js';
import { UdpConnector, type UdpConnectorOptions } from './driver/udp-connector.js';
import { qlogDestination } from './observe/qlog-destination.js';
import { type RpcCallOptions } from './rpc/client/call-options.js';
import { Channel, type ChannelOptions as CallChannelOptions } from './rpc/client/channel.js';
import { type Resolver } from './rpc/balancing/resolver.js';
import { warnOfHandlerErrors } from './rpc/server/handler-warnings.js';
import { Server } from './rpc/server/server.js';
import { type ServerOptions as CallServerOptions } from './rpc/server/server-options.js';
import { type Client as ClientOf, type ServiceDefinition } from './rpc/service-definition.js';

/** `tls`, `insecure` and `transport` are about the connection, everything else about its calls. */
export interface ServerOptions extends CallServerOptions {
  /** The server's certificate, and whom it lets in: with it the server speaks TLS and nothing else. Default: plaintext. */
  readonly tls?: UdpAcceptorOptions['tls'];
  /** Listen without TLS beyond this machine. Default false: loopback addresses only. */
  readonly insecure?: UdpAcceptorOptions['insecure'];
  /**
   * Told, in one line each, what a person should know: plaintext beyond loopback, a small receive buffer, a handler's error that
   * nobody listens for. Default: who listens to `udprpc:warning`, or else `process.emitWarning`.
   */
  readonly warn?: UdpAcceptorOptions['warn'] | undefined;
  /** Of connections and strangers. Default: DEFAULT_ENDPOINT_LIMITS. */
  readonly limits?: UdpAcceptorOptions['limits'];
  /** Windows, timeouts and limits of connections. Default: DEFAULT_TRANSPORT_OPTIONS. */
  readonly transport?: UdpAcceptorOptions['transport'];
  /**
   * At least 16 random bytes, secret, the same at each start of this server: by it clients learn in one round trip that it
   * was restarted, and connect again, with tokens that are still good. Default: new ones at each start, so that they have to
   * find out by its silence.
   */
  readonly resetKey?: UdpAcceptorOptions['resetKey'];
  /**
   * A directory for qlog files, one for each connection, which qvis shows. For finding faults: it takes time and disk. Default:
   * that of the environment variable UDPRPC_QLOG_DIR, or none.
   */
  readonly qlogDir?: string | undefined;
  /** What its connections may hold in buffers. Default: 256 MiB, shared by all servers and channels of the process. */
  readonly buffers?: UdpAcceptorOptions['buffers'];
}

/** `tls`, `insecure`, `transport`, `resolver` and `dns` are about servers and connections, everything else about calls. */
export interface ChannelOptions extends CallChannelOptions {
  /** Whom to trust, and who we are, where the target is `udps://`. Default: the authorities that Node knows, and nobody. */
  readonly tls?: UdpConnectorOptions['tls'];
  /** Connect without TLS beyond this machine. Default false. */
  readonly insecure?: UdpConnectorOptions['insecure'];
  /** Windows, timeouts and limits of the connection. Default: DEFAULT_TRANSPORT_OPTIONS. */
  readonly transport?: UdpConnectorOptions['transport'];
  /** Where the servers are, in the place of the target's host, which then is only what certificates are for. Default: none. */
  readonly resolver?: Resolver | undefined;
  /** Of targets `dns:///name:port`: which name servers are asked, and how often. Default: the system's, by the TTLs. */
  readonly dns?: DnsOptions | undefined;
  /** As in `ServerOptions`. */
  readonly qlogDir?: string | undefined;
  /** What the connection may hold in buffers. Default: 256 MiB, shared by all servers and channels of the process. */
  readonly buffers?: UdpConnectorOptions['buffers'];
}

/** What `createClient` gives. `Ext`: the call options that middleware adds, as in nice-grpc's type of this name. */
export type Client<Service extends ServiceDefinition, Ext = object> = ClientOf<Service, RpcCallOptions & Ext>;

/** A server over UDP: add services, then `listen('host:port')`. Costs nothing before that. Throws TlsOptionsError. */
export function createServer(options: ServerOptions = {}): Server {
  const {
    tls,
    insecure,
    warn = emitWarning,
    transport,
    limits,
    buffers,
    resetKey,
    qlogDir,
    ...callOptions
  } = options;
  const observation = qlogDestination(qlogDir, warn);
  const acceptor = new UdpAcceptor({
    ...{ tls, insecure, warn, transport, limits, buffers, resetKey, observation },
  });
  const server = new Server(acceptor, realEnvironment, callOptions);
  warnOfHandlerErrors(server, realEnvironment.diagnostics, warn);
  return server;
}

/**
 * A channel to `[udp://|udps://]host[:port]`, default port 5005; or to several servers, of which `balancing` says who gets
 * which call: a list of such targets, or `dns:///name[:port]` for all that the name means, now and later (`dns+udp:///` for
 * plaintext; `_service._udp.name` for SRV records). It connects with the first call. Throws TargetError when the target
 * cannot be used: unreadable, or plaintext beyond this machine without `insecure`; TlsOptionsError when `tls` cannot, and
 * RangeError for another option.
 */
export function createChannel(target: string | readonly string[], options: ChannelOptions = {}): Channel {
  const { tls, insecure, transport, buffers, qlogDir, resolver, dns, ...callOptions } = options;
  const observation = qlogDestination(qlogDir, emitWarning);
  const connecting = { tls, insecure, transport, buffers, observation };
  const source = serverSource(target, { ...connecting, resolver, dns });
  if (source === undefined && callOptions.balancing !== undefined)
    throw new TargetError(`balancing is for several servers: ${String(target)} is one`);
  return new Channel(source ?? new UdpConnector(String(target), connecting), realEnvironment, callOptions);
}

export { freeBytes } from './driver/free-memory.js';
export { type DnsOptions } from './driver/server-source.js';
export { TargetError } from './driver/target.js';
export { type ChannelTlsOptions, type ServerTlsOptions, TlsOptionsError } from './driver/tls-options.js';
export {
  type Channel,
  type ChannelEvents,
  type ChannelState,
  type ChannelStateChange,
  type ServerStateChange,
} from './rpc/client/channel.js';
export {
  type ClientFactory,
  createClient,
  createClientFactory,
  type DefaultCallOptions,
} from './rpc/client/client-factory.js';
export { type CallCounters } from './rpc/client/call-counters.js';
export { type SubchannelState } from './rpc/client/subchannel.js';
export { type HedgeOptions, type RetryOptions, type RpcCallOptions } from './rpc/client/call-options.js';
export { type RetryBudgetOptions } from './rpc/client/retry-budget.js';
export { rpcFromChannel, type RpcAdapterOptions, type TsProtoRpc } from './rpc/client/rpc-adapter.js';
export { type BackendStats } from './rpc/balancing/backend.js';
export { type ServerState } from './rpc/balancing/balancer.js';
export { type OutlierEjectionOptions } from './rpc/balancing/outlier-ejection.js';
export { type BalancingOptions, type PolicyName } from './rpc/balancing/policies.js';
export { type PickableServer, type PickedCall, type Policy } from './rpc/balancing/policy.js';
export {
  type Resolver,
  type ResolverListener,
  type ResolverWatch,
  type ServerAddress,
} from './rpc/balancing/resolver.js';
export { type AttemptRecord } from './rpc/attempt-record.js';
export {
  type ChannelServerEvent,
  type ChannelStateEvent,
  type ClientAttemptEnd,
  type ClientAttemptStart,
  type ClientCallEnd,
  type ClientCallStart,
  type ConnectionClose,
  type ConnectionOpen,
  type DiagnosticsEvents,
  type ResolverErrorEvent,
  type ServerCallEnd,
  type ServerCallStart,
  type ServerHandlerError,
  type WarningEvent,
} from './rpc/diagnostics.js';
export { RpcError, type RpcErrorInit } from './rpc/rpc-error.js';
export { type RequestContext } from './rpc/server/call-context.js';
export {
  type Server,
  type ServerAddBuilder,
  type ServerEvents,
  type ShutdownOptions,
} from './rpc/server/server.js';
export { type CallEnd, type HandlerError } from './rpc/server/server-runtime.js';
export { type ServerStats } from './rpc/server/server-stats.js';
export { type MethodLimits, type ServiceLimits } from './rpc/server/service-registry.js';
export { type ShutdownReport } from './rpc/server/shutdown.js';
export {
  type DeepPartial,
  type IdempotencyLevel,
  type MessageCodec,
  type MethodDefinition,
  type MethodImplementation,
  type ServiceDefinition,
  type ServiceImplementation,
} from './rpc/service-definition.js';
export { type PeerCertificate, type SecureContext, type TransportStats } from './rpc/stream-transport.js';
export { type CongestionControl } from './transport/congestion/create-controller.js';
export { type ConnectionClosed } from './transport/transport-error.js';
export { BufferBudget } from './transport/stream/buffer-budget.js';
export { DEFAULT_ENDPOINT_LIMITS, type EndpointLimits } from './transport/endpoint/endpoint.js';
export {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from './transport/connection/transport-options.js';
export {
  type CallContext,
  type CallOptions,
  ClientError,
  type ClientMiddleware,
  type ClientMiddlewareCall,
  composeClientMiddleware,
  composeServerMiddleware,
  Metadata,
  type MethodDescriptor,
  ServerError,
  type ServerMiddleware,
  type ServerMiddlewareCall,
  Status,
} from 'nice-grpc-common';
