/**
 * A gateway that serves gRPC and calls over UDP: an HTTP/2 server, by prior knowledge or with TLS, whose streams are calls of one
 * channel. It begins, counts and ends calls; what a call is made of it does not know.
 */
import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, type Socket } from 'node:net';
import { Status } from 'nice-grpc-common';
import { checkNumbers, type NumberRules } from '../base/number-options.js';
import { listenError } from '../driver/listen-error.js';
import { checkServerTls, type ServerTlsOptions } from '../driver/tls-options.js';
import { type Channel, type ChannelOptions, createChannel, type ShutdownOptions } from '../index.js';
import { DEFAULT_GRACE_MS, type Gateway } from './gateway.js';
import { GrpcToUdpCall } from './grpc-to-udp-call.js';
import { parseHttp2Listen } from './http2-address.js';
import { MAX_SESSION_MEMORY_MB, SESSION_SETTINGS, SESSION_WINDOW_BYTES } from './http2-settings.js';

/** Whom the gateway calls over UDP, and how it listens for gRPC clients. */
export interface GrpcToUdpGatewayOptions {
  /** `[udp://|udps://]host[:port]` of the UDP server, as for `createChannel`. */
  readonly target: string;
  /**
   * How the UDP server is called: TLS, timeouts, limits. `maxSendMessageBytes` and `maxReceiveMessageBytes` (default 4 MiB),
   * `maxSendMetadataBytes` and `maxReceiveMetadataBytes` (default 8,192) are those of the gateway's calls.
   */
  readonly channel?: ChannelOptions | undefined;
  /** The certificate that gRPC clients see, and whom it lets in. Default: plaintext HTTP/2, by prior knowledge. */
  readonly tls?: GatewayTlsOptions | undefined;
  /** Listen without TLS beyond this machine. Default false. */
  readonly insecure?: boolean | undefined;
  /** Of gRPC clients; more are closed as they come. Default 10,000. */
  readonly maxConnections?: number | undefined;
}

/** Each as in `tls.createSecureContext` of Node. `requestCert`: let in only clients with a certificate of `ca`. */
export type GatewayTlsOptions = Pick<
  ServerTlsOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'requestCert'
>;

/**
 * Gives gRPC clients of any language the methods of a UDP server: `createGrpcToUdpGateway({ target }).listen('127.0.0.1:50051')`.
 * Costs nothing before that. Throws TargetError, TlsOptionsError and RangeError.
 */
export function createGrpcToUdpGateway(options: GrpcToUdpGatewayOptions): Gateway {
  const { target, channel, tls } = options;
  checkNumbers(options, NUMBER_RULES);
  if (tls !== undefined) checkServerTls(tls);
  return new GrpcToUdpGateway(createChannel(target, channel), options);
}

class GrpcToUdpGateway implements Gateway {
  readonly #channel: Channel;
  readonly #isSecure: boolean;
  readonly #insecure: boolean;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Set<GrpcToUdpCall>();
  #hasListened = false;
  #shutdown: Promise<void> | undefined;
  #onNoCalls: () => void = () => undefined;

  constructor(channel: Channel, { tls, insecure = false, maxConnections }: GrpcToUdpGatewayOptions) {
    this.#channel = channel;
    this.#isSecure = tls !== undefined;
    this.#insecure = insecure;
    const options = { settings: SESSION_SETTINGS, maxSessionMemory: MAX_SESSION_MEMORY_MB };
    this.#server =
      tls === undefined
        ? createServer(options)
        : createSecureServer({ ...options, ...tls, minVersion: 'TLSv1.2' });
    this.#server.maxConnections = maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', this.#onSession);
    // One connection could not be accepted; before it listens, `listen` hears of it.
    this.#server.on('error', () => undefined);
    // What a peer sends that is no HTTP/2 ends its own session, and nobody need hear of it.
    this.#server.on('sessionError', () => undefined);
    this.#server.on('stream', this.#onStream as Parameters<Http2Server['on']>[1]);
  }

  async listen(address: string): Promise<number> {
    if (this.#shutdown !== undefined) throw new Error('the gateway was shut down and does not listen again');
    if (this.#hasListened) throw new Error('gateway.listen() has already been called');
    const { host, port } = parseHttp2Listen(address, this.#isSecure, this.#insecure);
    this.#hasListened = true;
    try {
      const listening = once(this.#server, 'listening');
      this.#server.listen({ host, port });
      await listening;
    } catch (error) {
      this.#hasListened = false;
      throw listenError(error, host, port);
    }
    return (this.#server.address() as AddressInfo).port;
  }

  shutdown({ graceMs = DEFAULT_GRACE_MS }: ShutdownOptions = {}): Promise<void> {
    this.#shutdown ??= this.#drain();
    if (graceMs <= 0) this.#abort();
    else setTimeout(this.#abort, Math.min(graceMs, MAX_TIMER_MS)).unref();
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #drain(): Promise<void> {
    const closed = this.#hasListened ? once(this.#server, 'close') : undefined;
    if (closed !== undefined) this.#server.close();
    // GOAWAY: what a client sends from now on it sends elsewhere. Ends with the streams that are open.
    for (const session of this.#sessions) session.close();
    if (this.#calls.size > 0) await new Promise<void>((resolve) => (this.#onNoCalls = resolve));
    this.#closeSockets();
    await closed;
    await this.#channel.close();
  }

  /** The grace is over. */
  readonly #abort = (): void => {
    for (const call of this.#calls) call.abort(Status.UNAVAILABLE, 'the gateway has shut down');
    if (this.#calls.size > 0) this.#closeSockets();
  };

  /** What was answered is given time to leave; who takes nothing, or has never said a word, is not waited for. */
  #closeSockets(): void {
    setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LINGER_MS).unref();
  }

  readonly #onSession = (session: ServerHttp2Session): void => {
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    if (this.#shutdown !== undefined) session.close();
  };

  readonly #onStream = (
    stream: ServerHttp2Stream,
    _header: unknown,
    _flags: number,
    fields: readonly string[],
  ): void => {
    const call = new GrpcToUdpCall(stream, this.#channel);
    this.#calls.add(call);
    stream.once('close', () => {
      this.#calls.delete(call);
      if (this.#calls.size === 0) this.#onNoCalls();
    });
    void call.run(fields);
  };
}

/** As of UDP servers. */
const DEFAULT_MAX_CONNECTIONS = 10_000;

const NUMBER_RULES: NumberRules<GrpcToUdpGatewayOptions> = { maxConnections: { min: 1, isWhole: true } };

/** Longer than the last answers take to be sent. */
const LINGER_MS = 1_000;

const MAX_TIMER_MS = 2_147_483_647;
