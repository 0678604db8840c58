/**
 * A server's way to its clients over UDP: one endpoint behind the sockets of all addresses it listens on. Without TLS it
 * stays on this machine unless it is told otherwise, and then it says so in one line; with TLS it speaks nothing else.
 */
import { isIP } from 'node:net';
import { type Clock } from '../base/clock.js';
import { CloseCode } from '../rpc/framing/reset-code.js';
import { type Acceptor, type Listening, type SecureContext } from '../rpc/stream-transport.js';
import { type DropReason } from '../transport/connection/connection-stats.js';
import { resolveTransportOptions, type TransportOptions } from '../transport/connection/transport-options.js';
import { type EndpointLimits, resolveEndpointLimits } from '../transport/endpoint/endpoint.js';
import { EndpointPump } from '../transport/endpoint/endpoint-pump.js';
import { type ConnectionTransport } from '../transport/endpoint/connection-transport.js';
import { type StreamListener, type StreamTransport } from '../transport/stream-transport.js';
import { type BufferBudget } from '../transport/stream/buffer-budget.js';
import { ProtocolVersion } from '../transport/wire/version.js';
import { BoundSockets } from './bound-sockets.js';
import { BusyPoll } from './busy-poll.js';
import { freeMemory } from './free-memory.js';
import { localAddresses } from './local-addresses.js';
import { type Observation } from './observation.js';
import { plaintextMeans, type TransportMeans } from './plaintext-means.js';
import { processBuffers, realEnvironment } from './real-environment.js';
import { type LookupAll, lookupAll, resolveIps } from './resolve-addresses.js';
import { formatAddress, isLoopback, type ListenAddress, parseListenAddress, TargetError } from './target.js';
import { tlsMeans } from './tls-means.js';
import { checkServerTls, type ServerTlsOptions, TlsOptionsError } from './tls-options.js';
import { TlsServerSide } from './tls-server.js';
import { WANTED_BUFFER_BYTES } from './udp-socket.js';

export interface UdpAcceptorOptions {
  /** Allows plaintext beyond this machine, with a warning. Default false. */
  readonly insecure?: boolean | undefined;
  /** With it nothing but TLS is spoken. Default: plaintext. */
  readonly tls?: ServerTlsOptions | undefined;
  readonly transport?: Partial<TransportOptions> | undefined;
  readonly limits?: Partial<EndpointLimits> | undefined;
  /** See `resetTokens`. Not looked at when there are `means`. */
  readonly resetKey?: Uint8Array | undefined;
  /** Gets lines for the person who runs the server. */
  warn(line: string): void;
  /** What its connections may hold in buffers, perhaps shared with others. Default: 256 MiB for the process. */
  readonly buffers?: BufferBudget | undefined;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Default: those of TLS or of plaintext. */
  readonly means?: TransportMeans | undefined;
  /** Default: nobody looks on. */
  readonly observation?: Observation | undefined;
  /** Default: the system's. */
  readonly lookup?: LookupAll | undefined;
}

export class UdpAcceptor implements Acceptor {
  readonly #options: UdpAcceptorOptions;
  readonly #tls: TlsServerSide | undefined;

  /** Throws RangeError when a transport option cannot be, TlsOptionsError when one of TLS cannot. */
  constructor(options: UdpAcceptorOptions) {
    // What cannot be is refused where the server is made, not when it listens.
    const transport = resolveTransportOptions(options.transport);
    const { tls, means, resetKey } = options;
    if (tls !== undefined) {
      checkServerTls(tls);
      this.#tls = new TlsServerSide(tls, (line) => {
        options.warn(line);
      });
    }
    this.#options = {
      ...options,
      transport,
      limits: resolveEndpointLimits(options.limits),
      means:
        means ??
        (this.#tls === undefined
          ? plaintextMeans(realEnvironment.random, resetKey)
          : tlsMeans(this.#tls.createHandshake, realEnvironment.random, resetKey)),
    };
  }

  async listen(
    address: string,
    accept: (transport: StreamTransport) => StreamListener,
  ): Promise<UdpListening> {
    const isSecure = this.#tls !== undefined;
    const wanted = parseListenAddress(address, isSecure);
    const ips = await this.#ips(wanted);
    const isExposed = !isSecure && !ips.every((ip) => isLoopback(ip));
    if (isExposed && this.#options.insecure !== true) throw new TargetError(exposedMessage(wanted));
    const listening = await UdpListening.open(ips, wanted.port, this.#options, accept);
    if (isExposed) this.#options.warn(exposedWarning(listening));
    this.#warnOfBuffer(listening);
    return listening;
  }

  setSecureContext(context: SecureContext): void {
    if (this.#tls === undefined)
      throw new TlsOptionsError('this server speaks no TLS: createServer({ tls })');
    this.#tls.setSecureContext(context);
  }

  async #ips({ host }: ListenAddress): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const ips = await resolveIps(host, this.#options.lookup ?? lookupAll);
    // A name may stand for an address that only other machines have, or for IPv6 where it is switched off.
    const own = new Set(localAddresses('::'));
    const usable = ips.filter((ip) => own.has(ip));
    return usable.length > 0 ? usable : ips;
  }

  #warnOfBuffer({ receiveBufferBytes }: UdpListening): void {
    if (receiveBufferBytes >= WANTED_BUFFER_BYTES) return;
    this.#options.warn(
      `the system gives ${receiveBufferBytes} bytes of receive buffer and not ${WANTED_BUFFER_BYTES}: ` +
        'bursts will be lost; on Linux raise net.core.rmem_max',
    );
  }
}

export class UdpListening implements Listening {
  readonly #sockets: BoundSockets;
  readonly #observation: Observation | undefined;
  readonly #scheme: 'udp' | 'udps';
  readonly #pump: EndpointPump;
  readonly #busyPoll: BusyPoll;
  readonly #transports = new Set<ConnectionTransport>();
  #sentCount = 0;
  #closed: Promise<void> | undefined;

  static async open(
    ips: readonly string[],
    port: number,
    options: UdpAcceptorOptions,
    accept: (transport: StreamTransport) => StreamListener,
  ): Promise<UdpListening> {
    // Nothing is received before the sockets are polled, and that is after this has run to its end.
    let opened: UdpListening | undefined = undefined;
    const sockets = await BoundSockets.open({
      ips,
      port,
      clock: options.clock ?? realEnvironment.clock,
      handler: {
        onDatagram(datagram, remote, local) {
          if (opened === undefined) return;
          opened.#busyPoll.onDatagram();
          if (opened.#pump.handleDatagram(datagram, remote, local)) freeMemory(datagram);
        },
        onSocketError(error, failed) {
          // Counted by the socket. To a server it is a lost datagram like any other, but for its size [MTU-7].
          if (opened === undefined || error.kind !== 'tooLarge' || failed === undefined) return;
          opened.#pump.handleTooLarge(failed);
        },
        onReleased(transmit) {
          if (opened !== undefined) opened.#pump.release(transmit);
        },
      },
    });
    opened = new UdpListening(sockets, options, accept);
    return opened;
  }

  private constructor(
    sockets: BoundSockets,
    options: UdpAcceptorOptions,
    accept: (transport: StreamTransport) => StreamListener,
  ) {
    this.#sockets = sockets;
    const { observation } = options;
    this.#observation = observation;
    this.#scheme = options.tls === undefined ? 'udp' : 'udps';
    const transport = resolveTransportOptions(options.transport);
    const clock = options.clock ?? realEnvironment.clock;
    this.#busyPoll = new BusyPoll(clock, transport.busyPollUs);
    this.#pump = new EndpointPump({
      config: {
        role: 'server',
        versions: [options.tls === undefined ? ProtocolVersion.PLAINTEXT : ProtocolVersion.TLS],
        options: transport,
        limits: resolveEndpointLimits(options.limits),
        receiveBufferBytes: sockets.receiveBufferBytes,
        buffers: options.buffers ?? processBuffers,
      },
      means: {
        ...(options.means ?? plaintextMeans(realEnvironment.random, options.resetKey)),
        observe:
          observation && ((facts, now) => observation.observe(facts, sockets.addressOf(facts.local), now)),
      },
      clock,
      send: (transmit) => {
        this.#sentCount++;
        sockets.send(transmit);
        this.#busyPoll.onSent();
      },
      accept: (transport) => {
        this.#transports.add(transport);
        return accept(transport);
      },
      onForgotten: (transport) => {
        this.#transports.delete(transport);
      },
    });
  }

  get port(): number {
    return this.#sockets.port;
  }

  get addresses(): readonly string[] {
    return this.#sockets.sockets.map(
      ({ local }) => `${this.#scheme}://${formatAddress(local.ip, local.port)}`,
    );
  }

  get receiveBufferBytes(): number {
    return this.#sockets.receiveBufferBytes;
  }

  /** From strangers and from clients; not what the system has dropped because nobody read it in time. */
  get datagramsReceived(): number {
    return this.#pump.endpoint.datagramsReceived;
  }

  /** Datagrams that reached no connection, by reason. */
  get drops(): Readonly<Record<DropReason, number>> {
    return this.#pump.endpoint.drops;
  }

  /** Those that closed a moment ago included. */
  get connectionCount(): number {
    return this.#pump.endpoint.connectionCount;
  }

  refuseNew(): void {
    this.#pump.endpoint.refuseNew();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.refuseNew();
    for (const transport of [...this.#transports]) transport.close(CloseCode.SHUTDOWN, 'the server closed');
    // One flush sends no more than a turn's worth; there may be more connections to tell.
    let before: number;
    do {
      before = this.#sentCount;
      this.#pump.flush();
    } while (this.#sentCount > before);
    this.#pump.stop();
    await this.#sockets.close();
    await this.#observation?.settled();
  }
}

function exposedMessage({ host, port }: ListenAddress): string {
  return (
    `udp://${formatAddress(host, port)} can be reached from other machines, and nothing is encrypted: ` +
    'listen on 127.0.0.1, or pass insecure: true (--insecure)'
  );
}

function exposedWarning({ addresses }: UdpListening): string {
  const [first = '', ...others] = addresses.filter((address) => !/^udp:\/\/(127\.|\[::1\])/.test(address));
  const where = others.length === 0 ? first : `${first} and ${others.length} more`;
  return `listening on ${where} without encryption: who is on the network can read and forge everything`;
}
