/**
 * A channel's way to its server over UDP: resolves the target anew for each connection and connects to one of its
 * addresses. With one address the transport is handed over at once, so that calls ride in its first flight; with
 * several it is handed over when the handshake with one is complete and the others are given up.
 */
import { type Clock } from '../base/clock.js';
import {
  type ConnectAttempt,
  type ConnectHandler,
  type ConnectHints,
  type Connector,
} from '../rpc/stream-transport.js';
import { resolveTransportOptions, type TransportOptions } from '../transport/connection/transport-options.js';
import { type ConnectionTransport } from '../transport/endpoint/connection-transport.js';
import { type Address } from '../transport/path/path.js';
import { type StreamListener } from '../transport/stream-transport.js';
import { type ConnectionClosed, TransportErrorCode } from '../transport/transport-error.js';
import { type BufferBudget } from '../transport/stream/buffer-budget.js';
import { ProtocolVersion } from '../transport/wire/version.js';
import { AddressRace, type RaceAttempt, type Runner } from './address-race.js';
import { ClientSocket, type ClientSocketOptions } from './client-socket.js';
import { type Observation } from './observation.js';
import { plaintextMeans, type TransportMeans } from './plaintext-means.js';
import { processBuffers, realEnvironment } from './real-environment.js';
import { type LookupAll, lookupAll, resolveAddresses } from './resolve-addresses.js';
import { formatAddress, parseTarget, type Target, TargetError } from './target.js';
import { TlsClientSide } from './tls-client.js';
import { tlsMeans } from './tls-means.js';
import { type ChannelTlsOptions } from './tls-options.js';

export interface UdpConnectorOptions {
  /** Allows plaintext beyond this machine. Default false. */
  readonly insecure?: boolean | undefined;
  /** Of a target that is `udps://`. Default: the authorities that Node knows. */
  readonly tls?: ChannelTlsOptions | undefined;
  readonly transport?: Partial<TransportOptions> | undefined;
  /** What its connections may hold in buffers, perhaps shared with others. Default: 256 MiB for the process. */
  readonly buffers?: BufferBudget | undefined;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Default: those of what the target says. */
  readonly means?: TransportMeans | undefined;
  /** Default: nobody looks on. */
  readonly observation?: Observation | undefined;
  /** Default: the system's. */
  readonly lookup?: LookupAll | undefined;
}

export class UdpConnector implements Connector {
  readonly target: string;
  readonly #target: Target;
  readonly #insecure: boolean;
  readonly #clock: Clock;
  readonly #lookup: LookupAll;
  readonly #socketOptions: ClientSocketOptions;
  /** The user has said what the round trip is to begin with. */
  readonly #hasInitialRtt: boolean;
  readonly #sockets = new Set<ClientSocket>();

  /** Throws TargetError when the target cannot be used, TlsOptionsError or RangeError when an option cannot be. */
  constructor(target: string, options: UdpConnectorOptions = {}) {
    this.target = target;
    this.#insecure = options.insecure ?? false;
    this.#target = parseTarget(target, { insecure: this.#insecure });
    this.#clock = options.clock ?? realEnvironment.clock;
    this.#lookup = options.lookup ?? lookupAll;
    this.#hasInitialRtt = options.transport?.initialRttMs !== undefined;
    this.#socketOptions = {
      clock: this.#clock,
      means: options.means ?? meansFor(this.#target, options.tls),
      version: this.#target.isSecure ? ProtocolVersion.TLS : ProtocolVersion.PLAINTEXT,
      transport: resolveTransportOptions(options.transport),
      observation: options.observation,
      buffers: options.buffers ?? processBuffers,
      onGone: (socket) => this.#sockets.delete(socket),
    };
  }

  connect(handler: ConnectHandler, { initialRttMs }: ConnectHints = {}): ConnectAttempt {
    let isCancelled = false;
    let running: RaceAttempt | undefined;
    const options = this.#optionsWith(initialRttMs);
    const begin = async (): Promise<void> => {
      const addresses = await resolveAddresses(this.#target, this.#insecure, this.#lookup);
      if (!isCancelled) running = this.#begin(addresses, options, handler);
    };
    begin().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      if (!isCancelled) handler.onFailed({ reason });
    });
    return {
      cancel() {
        isCancelled = true;
        running?.cancel();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
    await this.#socketOptions.observation?.settled();
  }

  #optionsWith(initialRttMs: number | undefined): ClientSocketOptions {
    if (initialRttMs === undefined || this.#hasInitialRtt) return this.#socketOptions;
    return { ...this.#socketOptions, transport: { ...this.#socketOptions.transport, initialRttMs } };
  }

  #begin(addresses: readonly Address[], options: ClientSocketOptions, handler: ConnectHandler): RaceAttempt {
    const [only, ...others] = addresses;
    if (only !== undefined && others.length === 0) return this.#connectToOnly(only, options, handler);
    return new AddressRace<ClientSocket>({
      addresses,
      clock: this.#clock,
      startAttempt: (address, runner) => this.#startRunner(address, options, runner),
      onWon: ({ transport }) => {
        handOver(transport, handler);
      },
      onFailed: (failure) => {
        handler.onFailed(failure);
      },
    });
  }

  #connectToOnly(address: Address, options: ClientSocketOptions, handler: ConnectHandler): RaceAttempt {
    const name = formatAddress(address.ip, address.port);
    return this.#open(address, options, {
      onOpened: ({ transport }) => {
        handOver(transport, handler);
      },
      onFailed: (reason) => {
        handler.onFailed({ reason: `${name} ${reason}` });
      },
    });
  }

  #startRunner(address: Address, options: ClientSocketOptions, runner: Runner<ClientSocket>): RaceAttempt {
    let socket: ClientSocket | undefined;
    const attempt = this.#open(address, options, {
      onOpened: (opened) => {
        socket = opened;
        opened.transport.listener = runnerListener(opened, runner);
      },
      onFailed: (reason) => {
        runner.onFailed({ reason });
      },
    });
    return {
      cancel() {
        attempt.cancel();
        if (socket === undefined) return;
        socket.transport.listener = undefined;
        socket.transport.close(0, '');
      },
    };
  }

  #open(address: Address, options: ClientSocketOptions, then: OpenHandler): RaceAttempt {
    let isCancelled = false;
    ClientSocket.open(address, options).then(
      (socket) => {
        this.#sockets.add(socket);
        if (isCancelled) void socket.close();
        else then.onOpened(socket);
      },
      (error: unknown) => {
        if (!isCancelled) then.onFailed((error as Error).message);
      },
    );
    return {
      cancel() {
        isCancelled = true;
      },
    };
  }
}

interface OpenHandler {
  onOpened(socket: ClientSocket): void;
  onFailed(reason: string): void;
}

function handOver(transport: ConnectionTransport, handler: ConnectHandler): void {
  const listener = handler.onTransport(transport);
  transport.listener = transport.isReady ? listener : new NamingListener(transport, listener);
}

/** Puts the address in front of the reason why no connection came about, and steps aside when one did. */
class NamingListener implements StreamListener {
  readonly #transport: ConnectionTransport;
  readonly #listener: StreamListener;

  constructor(transport: ConnectionTransport, listener: StreamListener) {
    this.#transport = transport;
    this.#listener = listener;
  }

  onHandshakeComplete(): void {
    this.#listener.onHandshakeComplete?.();
  }

  onReady(): void {
    this.#transport.listener = this.#listener;
    this.#listener.onReady();
  }

  onClosed(closed: ConnectionClosed): void {
    this.#listener.onClosed({ ...closed, reason: `${this.#transport.peer} ${closed.reason}` });
  }

  onStreamsAvailable(): void {
    this.#listener.onStreamsAvailable();
  }

  onStreamOpened(streamId: number, isFirstFlight: boolean): void {
    this.#listener.onStreamOpened(streamId, isFirstFlight);
  }

  onStreamReadable(streamId: number): void {
    this.#listener.onStreamReadable(streamId);
  }

  onStreamWritable(streamId: number): void {
    this.#listener.onStreamWritable(streamId);
  }

  onStreamReset(streamId: number, code: number): void {
    this.#listener.onStreamReset(streamId, code);
  }

  onStreamStopped(streamId: number, code: number): void {
    this.#listener.onStreamStopped(streamId, code);
  }
}

/** A runner has no streams: it only waits for its side of the handshake. */
function runnerListener(socket: ClientSocket, runner: Runner<ClientSocket>): StreamListener {
  const nothing = (): void => undefined;
  return {
    onHandshakeComplete: () => {
      runner.onWon(socket);
    },
    onClosed: ({ reason, code, isApplication }) => {
      const isUntrusted = !isApplication && code === TransportErrorCode.UNAUTHENTICATED;
      runner.onFailed({ reason, isUntrusted });
    },
    onReady: nothing,
    onStreamsAvailable: nothing,
    onStreamOpened: nothing,
    onStreamReadable: nothing,
    onStreamWritable: nothing,
    onStreamReset: nothing,
    onStreamStopped: nothing,
  };
}

/** Plaintext with a certificate, or the other way round, is a mistake that nobody should find out about later. */
function meansFor({ text, host, isSecure }: Target, tls: ChannelTlsOptions | undefined): TransportMeans {
  if (isSecure) {
    return tlsMeans(new TlsClientSide({ host, tls: tls ?? {} }).createHandshake, realEnvironment.random);
  }
  if (tls !== undefined) {
    const secure = `udps://${text.replace(/^udp:\/\//, '')}`;
    throw new TargetError(`${text} means plaintext, and tls was given: use ${secure}, or leave tls out`);
  }
  return plaintextMeans(realEnvironment.random);
}
