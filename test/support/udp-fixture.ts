/**
 * A UDP server that answers each stream with what it was sent, and clients of it, all on loopback and on free ports.
 * Everything opened here is closed by `closeAll`.
 */
import { UdpAcceptor, type UdpAcceptorOptions, type UdpListening } from '../../src/driver/udp-acceptor.js';
import { UdpConnector, type UdpConnectorOptions } from '../../src/driver/udp-connector.js';
import { UdpSocket } from '../../src/driver/udp-socket.js';
import { type StreamListener, type StreamTransport } from '../../src/transport/stream-transport.js';
import { type ConnectionClosed } from '../../src/transport/transport-error.js';

const opened: { close(): Promise<void> }[] = [];

export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((it) => it.close()));
}

export interface EchoServer {
  readonly listening: UdpListening;
  readonly warnings: readonly string[];
  /** Listeners of its connections, in the order in which they were accepted. */
  readonly connections: readonly EchoListener[];
}

export async function echoServer(
  address = '127.0.0.1:0',
  options: Partial<UdpAcceptorOptions> = {},
): Promise<EchoServer> {
  const warnings: string[] = [];
  const connections: EchoListener[] = [];
  const acceptor = new UdpAcceptor({ warn: (line) => warnings.push(line), ...options });
  const listening = await acceptor.listen(address, (transport) => {
    const listener = new EchoListener(transport);
    connections.push(listener);
    return listener;
  });
  opened.push(listening);
  return { listening, warnings, connections };
}

/** Sends back what it reads, as it comes. */
export class EchoListener implements StreamListener {
  readonly closed: Promise<ConnectionClosed>;
  readonly firstFlightStreams: number[] = [];
  readonly #transport: StreamTransport;
  readonly #pending = new Map<number, { readonly pieces: Uint8Array[]; isEnded: boolean }>();
  #resolveClosed: (closed: ConnectionClosed) => void = () => undefined;

  constructor(transport: StreamTransport) {
    this.#transport = transport;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  onStreamOpened(streamId: number, isFirstFlight: boolean): void {
    if (isFirstFlight) this.firstFlightStreams.push(streamId);
    this.#pending.set(streamId, { pieces: [], isEnded: false });
  }

  onStreamReadable(streamId: number): void {
    const pending = this.#pending.get(streamId);
    if (pending === undefined) return;
    for (;;) {
      const bytes = this.#transport.readStream(streamId);
      if (bytes === undefined) break;
      if (bytes === 'end') pending.isEnded = true;
      else pending.pieces.push(bytes);
    }
    this.onStreamWritable(streamId);
  }

  onStreamWritable(streamId: number): void {
    const pending = this.#pending.get(streamId);
    if (pending === undefined) return;
    let piece: Uint8Array | undefined;
    while ((piece = pending.pieces.shift()) !== undefined) {
      const taken = this.#transport.writeStream(streamId, [piece], false);
      if (taken === piece.length) continue;
      pending.pieces.unshift(piece.subarray(taken));
      return;
    }
    if (!pending.isEnded) return;
    this.#pending.delete(streamId);
    this.#transport.writeStream(streamId, [], true);
  }

  onClosed(closed: ConnectionClosed): void {
    this.#resolveClosed(closed);
  }

  onReady(): void {}
  onStreamsAvailable(): void {}
  onStreamReset(): void {}
  onStreamStopped(): void {}
}

export function connector(target: string, options: UdpConnectorOptions = {}): UdpConnector {
  const made = new UdpConnector(target, options);
  opened.push(made);
  return made;
}

/** What came of one `connect`. */
export type Connected = { readonly client: ClientListener } | { readonly failed: string };

/** `onTransport` runs where the connector hands the transport over: what it writes rides in the first flight. */
export function connect(
  from: UdpConnector,
  onTransport?: (client: ClientListener) => void,
): Promise<Connected> {
  return new Promise((resolve) => {
    from.connect({
      onTransport(transport) {
        const client = new ClientListener(transport);
        onTransport?.(client);
        resolve({ client });
        return client;
      },
      onFailed({ reason }) {
        resolve({ failed: reason });
      },
    });
  });
}

export async function connectClient(
  target: string,
  options: UdpConnectorOptions = {},
  onTransport?: (client: ClientListener) => void,
): Promise<ClientListener> {
  const connected = await connect(connector(target, options), onTransport);
  if ('failed' in connected) throw new Error(connected.failed);
  return connected.client;
}

/** One connection of a client, with promises for what a test waits for. */
export class ClientListener implements StreamListener {
  readonly transport: StreamTransport;
  readonly ready: Promise<void>;
  readonly closed: Promise<ConnectionClosed>;
  #resolveReady: () => void = () => undefined;
  #resolveClosed: (closed: ConnectionClosed) => void = () => undefined;
  readonly #calls = new Map<number, EchoCall>();

  constructor(transport: StreamTransport) {
    this.transport = transport;
    this.ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    if (transport.isReady) this.#resolveReady();
  }

  /** Sends bytes on a stream of their own; resolves to what came back. */
  echo(bytes: Uint8Array): Promise<Uint8Array> {
    const streamId = this.transport.openStream();
    if (streamId === undefined) throw new Error('no stream to open');
    return new Promise((resolve, reject) => {
      this.#calls.set(streamId, { rest: bytes, received: [], resolve, reject });
      this.onStreamWritable(streamId);
    });
  }

  onStreamWritable(streamId: number): void {
    const call = this.#calls.get(streamId);
    if (call?.rest === undefined) return;
    const taken = this.transport.writeStream(streamId, [call.rest], true);
    call.rest = taken < call.rest.length ? call.rest.subarray(taken) : undefined;
  }

  onStreamReadable(streamId: number): void {
    const call = this.#calls.get(streamId);
    for (;;) {
      const bytes = this.transport.readStream(streamId);
      if (bytes === undefined || call === undefined) return;
      if (bytes === 'end') {
        this.#calls.delete(streamId);
        call.resolve(new Uint8Array(Buffer.concat(call.received)));
        return;
      }
      call.received.push(bytes);
    }
  }

  onReady(): void {
    this.#resolveReady();
  }

  onClosed(closed: ConnectionClosed): void {
    for (const call of this.#calls.values()) call.reject(new Error(closed.reason));
    this.#resolveClosed(closed);
  }

  onStreamsAvailable(): void {}
  onStreamOpened(): void {}
  onStreamReset(): void {}
  onStreamStopped(): void {}
}

interface EchoCall {
  rest: Uint8Array | undefined;
  readonly received: Uint8Array[];
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

/** A socket that hears everything and says nothing. */
export function muteSocket(
  ip: string,
  port: number,
  onDatagram: (datagram: Uint8Array) => void = () => undefined,
): Promise<UdpSocket> {
  return UdpSocket.bind({ ip, port }, { onDatagram, onSocketError() {}, onReleased() {} });
}

/** A port on which certainly nobody listens: it was ours until just now. */
export async function deadPort(): Promise<number> {
  const socket = await muteSocket('127.0.0.1', 0);
  await socket.close();
  return socket.local.port;
}
