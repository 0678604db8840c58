/**
 * The core's Handshake by TLS 1.3 of node:tls (WIRE-AND-SECURITY "TLS 1.3 by node:tls, keys by exporter"): the parameter
 * blobs first, then TLS over the rest of the handshake stream. TLS carries no application data: its exporter, bound to
 * all that both sides have seen in the clear, gives the keys of the packets. Altered bytes give different keys.
 * node:tls works in turns of the event loop, so what it has to say is announced by `wake`.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  connect,
  type ConnectionOptions,
  createServer,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from 'node:tls';
import { RingQueue } from '../base/ring-queue.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
} from '../transport/protection/handshake.js';
import { ByteReader } from '../transport/wire/byte-reader.js';
import { ByteWriter } from '../transport/wire/byte-writer.js';
import { varintLength } from '../transport/wire/varint.js';
import { HandshakeDuplex, type HandshakeDuplexOwner } from './handshake-duplex.js';
import { CIPHER_SUITES, createOpener, createSealer } from './packet-keys.js';
import { errorCode } from './socket-error.js';

export interface TlsClientOptions {
  /** What the server's certificate must be for: a name or an IP address. */
  readonly host: string;
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'ciphers'>;
}

export type TlsServerOptions = Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'ciphers' | 'requestCert'>;

export function createTlsClientHandshake({ host, tls = {} }: TlsClientOptions): CreateHandshake {
  // Without one of the two Node would check the certificate against `localhost`; an IP address is no server name.
  const name = isIP(host) === 0 ? { servername: host } : { host };
  return (context) =>
    new TlsHandshake(context, (duplex, handshake) => {
      const socket = connect({ ...tls, ...FIXED_OPTIONS, ...name, socket: duplex });
      socket.once('secureConnect', () => {
        handshake.onSecure(socket);
      });
      socket.on('error', (error) => {
        handshake.onTlsError(error);
      });
      return () => {
        socket.destroy();
      };
    });
}

/** One for all connections of a server: it holds the certificate and the keys of the tickets. */
export class TlsServerSide {
  readonly #server: Server;
  /** Whose bytes TLS is being given now. node:tls names its socket in an event, but not what the socket runs on. */
  #current: TlsHandshake | undefined;

  constructor(options: TlsServerOptions) {
    this.#server = createServer({ ...options, ...FIXED_OPTIONS });
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      // Should Node ever tell it from elsewhere, the handshake times out; keys of another would open nothing either.
      if (this.#current === undefined) socket.destroy();
      else this.#current.onSecure(socket);
    });
    this.#server.on('tlsClientError', (error) => this.#current?.onTlsError(error));
  }

  readonly createHandshake: CreateHandshake = (context) =>
    new TlsHandshake(
      context,
      (duplex) => {
        this.#server.emit('connection', duplex);
        return () => undefined;
      },
      (handshake, delivery) => {
        this.#current = handshake;
        try {
          return delivery();
        } finally {
          this.#current = undefined;
        }
      },
    );
}

/** Puts TLS on the duplex; returns how to end it. */
type StartTls = (duplex: HandshakeDuplex, handshake: TlsHandshake) => () => void;

class TlsHandshake implements Handshake, HandshakeDuplexOwner {
  readonly #context: HandshakeContext;
  readonly #startTls: StartTls;
  readonly #around: (handshake: TlsHandshake, delivery: () => boolean) => boolean;
  readonly #events = new RingQueue<HandshakeEvent>();
  readonly #duplex = new HandshakeDuplex(this);
  #endTls: () => void = () => undefined;
  #peerParameters: Uint8Array | undefined;
  /** Bytes of the peer's blob that have come so far. */
  #blob = new Uint8Array(0);
  #secured: readonly HandshakeEvent[] | undefined;
  #isOver = false;

  constructor(
    context: HandshakeContext,
    startTls: StartTls,
    around: (handshake: TlsHandshake, delivery: () => boolean) => boolean = (_handshake, delivery) =>
      delivery(),
  ) {
    this.#context = context;
    this.#startTls = startTls;
    this.#around = around;
  }

  start(): void {
    this.#events.push({ kind: 'bytes', bytes: encodeBlob(this.#context.localParameters) });
    try {
      this.#endTls = this.#startTls(this.#duplex, this);
    } catch (error) {
      // Options that OpenSSL does not take.
      this.onTlsError(error);
    }
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const rest = this.#peerParameters === undefined ? this.#readBlob(bytes) : bytes;
    if (rest !== undefined && rest.length > 0) this.#duplex.receive(rest);
  }

  pollEvent(): HandshakeEvent | undefined {
    return this.#events.shift();
  }

  dispose(): void {
    this.#isOver = true;
    this.#events.clear();
    this.#endTls();
    this.#duplex.destroy();
  }

  deliver(delivery: () => boolean): boolean {
    return this.#around(this, delivery);
  }

  onTlsBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#events.push({ kind: 'bytes', bytes });
    this.#publishSecured();
    this.#context.wake();
  }

  onTlsClosed(): void {
    // When it ends by an error of its own, node:tls closes first and says why a little later.
    setImmediate(() => {
      this.#fail('the TLS handshake was broken off');
    });
  }

  onTlsError(error: unknown): void {
    const code = errorCode(error);
    const reason = error instanceof Error || code !== 'UNKNOWN' ? (error as Error).message : String(error);
    this.#fail(`the TLS handshake failed: ${reason}${code === 'UNKNOWN' ? '' : ` (${code})`}`);
  }

  /** TLS is satisfied with the peer. The keys follow from it. */
  onSecure(socket: TLSSocket): void {
    if (this.#isOver) return;
    const protocol = socket.getProtocol();
    const suiteName = socket.getCipher().standardName;
    const suite = CIPHER_SUITES.get(suiteName);
    const peerParameters = this.#peerParameters;
    // An ALPN that only one side has does not end a handshake by itself.
    if (
      protocol !== 'TLSv1.3' ||
      socket.alpnProtocol !== ALPN ||
      suite === undefined ||
      peerParameters === undefined
    ) {
      this.#fail(
        `the TLS handshake ended with ${String(protocol)}, ${suiteName}, ALPN ${String(socket.alpnProtocol)}`,
      );
      return;
    }
    const transcript = this.#transcript(peerParameters);
    const secret = (label: string): Buffer => socket.exportKeyingMaterial(suite.hashBytes, label, transcript);
    const ofClient = secret('EXPORTER-udprpc-1-client');
    const ofServer = secret('EXPORTER-udprpc-1-server');
    const isClient = this.#context.role === 'client';
    this.#secured = [
      { kind: 'sealer', sealer: createSealer(suite, isClient ? ofClient : ofServer) },
      { kind: 'opener', opener: createOpener(suite, isClient ? ofServer : ofClient) },
      { kind: 'complete' },
    ];
    ofClient.fill(0);
    ofServer.fill(0);
    // A client's Finished has not left yet, and must before `complete`: what comes later travels in packets that the
    // server can open only when it has it. A server says nothing more that the client needs.
    if (isClient) return;
    this.#publishSecured();
    this.#context.wake();
  }

  #publishSecured(): void {
    for (const event of this.#secured ?? []) this.#events.push(event);
    this.#secured = undefined;
  }

  /** Returns what follows the blob, or undefined while it is incomplete or wrong. */
  #readBlob(bytes: Uint8Array): Uint8Array | undefined {
    const all = new Uint8Array(this.#blob.length + bytes.length);
    all.set(this.#blob);
    all.set(bytes, this.#blob.length);
    this.#blob = all;
    const first = all[0];
    if (first === undefined || all.length < 1 << (first >> 6)) return undefined;
    const reader = new ByteReader(all);
    // A length of eight bytes may be above what a reader can take, and is too long anyway.
    const length = first >= 0xc0 ? Infinity : reader.varint();
    if (length > MAX_BLOB_BYTES) {
      this.#fail('its transport parameters are too long');
      return undefined;
    }
    if (reader.remaining < length) return undefined;
    this.#peerParameters = reader.view(length);
    this.#events.push({ kind: 'peerParameters', bytes: this.#peerParameters });
    return reader.view(reader.remaining);
  }

  /**
   * All that both sides have seen and TLS has not. The connection IDs that the server and a RETRY chose stand in the
   * blobs, where the connection compares them with those of the packets.
   */
  #transcript(peerParameters: Uint8Array): Buffer {
    const { role, version, originalDestinationId, localParameters } = this.#context;
    const blobs = [localParameters, peerParameters];
    if (role === 'server') blobs.reverse();
    const versionBytes = new Uint8Array(4);
    new ByteWriter(versionBytes).u32(version);
    const hash = createHash('sha256');
    for (const part of [versionBytes, originalDestinationId, ...blobs, Buffer.from(ALPN)]) {
      const length = new Uint8Array(4);
      new ByteWriter(length).u32(part.length);
      hash.update(length).update(part);
    }
    return hash.digest();
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.push({ kind: 'failed', reason });
    this.#context.wake();
    this.#endTls();
    this.#duplex.destroy();
  }
}

function encodeBlob(parameters: Uint8Array): Uint8Array {
  const blob = new Uint8Array(varintLength(parameters.length) + parameters.length);
  const writer = new ByteWriter(blob);
  writer.varint(parameters.length);
  writer.write(parameters);
  return blob;
}

const ALPN = 'udprpc/1';
/** Not for the user to change: not even the environment can switch the verification off. */
const FIXED_OPTIONS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ALPNProtocols: [ALPN],
  rejectUnauthorized: true,
} as const satisfies Partial<ConnectionOptions & TlsOptions>;
/** As in plaintext. */
const MAX_BLOB_BYTES = 4_096;
