/**
 * The core's Handshake by TLS 1.3 of node:tls (WIRE-AND-SECURITY "TLS 1.3 by node:tls, keys by exporter"): the parameter
 * blobs first, then TLS over the rest of the handshake stream. TLS carries no application data: its exporter, bound to
 * all that both sides have seen in the clear, gives the keys of the packets. Altered bytes give different keys.
 * node:tls works in turns of the event loop, so what it has to say is announced by `wake`.
 */
import { createHash } from 'node:crypto';
import { type ConnectionOptions, type TlsOptions, type TLSSocket } from 'node:tls';
import { RingQueue } from '../base/ring-queue.js';
import {
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
  type PeerCertificate,
} from '../transport/protection/handshake.js';
import { ByteReader } from '../transport/wire/byte-reader.js';
import { ByteWriter } from '../transport/wire/byte-writer.js';
import { varintLength } from '../transport/wire/varint.js';
import { HandshakeDuplex, type HandshakeDuplexOwner } from './handshake-duplex.js';
import { CIPHER_SUITES, createOpener, createSealer } from './packet-keys.js';
import { type KeyLog } from './key-log.js';
import { describeTlsError, type TlsFailure } from './tls-error.js';
import { TLS_VERSION } from './tls-options.js';

/** Puts TLS on the duplex. */
type StartTls = (duplex: HandshakeDuplex, handshake: TlsHandshake) => void;

export class TlsHandshake implements Handshake, HandshakeDuplexOwner {
  readonly #context: HandshakeContext;
  readonly #startTls: StartTls;
  readonly #keyLog: KeyLog | undefined;
  #onDecided: (() => void) | undefined;
  readonly #events = new RingQueue<HandshakeEvent>();
  readonly #duplex = new HandshakeDuplex(this);
  #peerParameters: Uint8Array | undefined;
  /** Bytes of the peer's blob that have come so far. */
  #blob = new Uint8Array(0);
  /** While a client's last flight is being written: what is acknowledged before it, and the calls behind it, share its datagram. */
  isSpeaking = false;
  /** Nothing more is said, whatever becomes of TLS. */
  #isOver = false;

  /** `onDecided` is called once, when nothing that TLS says of the peer makes a difference any more. */
  constructor(
    context: HandshakeContext,
    startTls: StartTls,
    keyLog: KeyLog | undefined,
    onDecided: () => void = () => undefined,
  ) {
    this.#context = context;
    this.#startTls = startTls;
    this.#keyLog = keyLog;
    this.#onDecided = onDecided;
  }

  start(): void {
    this.#events.push({ kind: 'bytes', bytes: encodeBlob(this.#context.localParameters) });
    try {
      this.#startTls(this.#duplex, this);
    } catch (error) {
      // Options that OpenSSL does not take.
      this.fail(describeTlsError(error));
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
    this.#events.clear();
    this.endTls();
  }

  /** TLS has done what it was wanted for, and costs some 100 KiB: what the peer's still says is not looked at. */
  endTls(): void {
    this.#isOver = true;
    this.#decide();
    // Not from within one of its own writes: node:tls asserts that a stream outlives them.
    setImmediate(() => {
      this.#duplex.destroy();
    });
  }

  onTlsBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#events.push({ kind: 'bytes', bytes });
    this.#context.wake();
  }

  onTlsClosed(): void {
    // When it ends by an error of its own, node:tls closes first and says why a little later.
    setImmediate(() => {
      this.fail({ reason: 'the TLS handshake was broken off' });
    });
  }

  /** Nothing was established; or was, and the peer's side says that it was not. */
  fail({ reason, isUntrusted = false }: TlsFailure): void {
    if (this.#isOver) return;
    this.isSpeaking = false;
    this.#events.push({ kind: 'failed', reason, isUntrusted });
    this.#context.wake();
    this.endTls();
  }

  /** [TLS-2] TLS is satisfied with the peer, and the keys follow from it. */
  onSecure(socket: TLSSocket, peerCertificate?: PeerCertificate): void {
    if (this.#isOver) return;
    this.#decide();
    const keys = this.#keysOf(socket);
    if (keys === undefined) return;
    const complete = (error?: Error | null): void => {
      this.isSpeaking = false;
      // Broken off meanwhile: it is told as such.
      if (this.#isOver || error) return;
      for (const event of keys) this.#events.push(event);
      this.#events.push({ kind: 'complete', peerCertificate });
      this.#context.wake();
    };
    // [TLS-4] A client's last flight has not left yet, and must have before `complete`: what comes later travels in packets that
    // the server can open only when it has that. All that a server still says is tickets.
    if (this.#context.role === 'client') {
      this.isSpeaking = true;
      socket.write('', complete);
    } else complete();
    // Tickets are for a server to write, in some turns of the loop, and for a client to read.
    const lastWordsMs = this.#context.role === 'client' ? READING_MS : WRITING_MS;
    setTimeout(() => {
      this.endTls();
    }, lastWordsMs).unref();
  }

  #decide(): void {
    this.#onDecided?.();
    this.#onDecided = undefined;
  }

  #keysOf(socket: TLSSocket): readonly HandshakeEvent[] | undefined {
    const protocol = socket.getProtocol();
    const suiteName = socket.getCipher().standardName;
    const suite = CIPHER_SUITES.get(suiteName);
    const peerParameters = this.#peerParameters;
    // [TLS-1] An ALPN that only one side has does not end a handshake by itself.
    if (
      protocol !== 'TLSv1.3' ||
      socket.alpnProtocol !== ALPN ||
      suite === undefined ||
      peerParameters === undefined
    ) {
      const seen = `${String(protocol)}, ${suiteName}, ALPN ${String(socket.alpnProtocol)}`;
      this.fail({ reason: `the TLS handshake ended with ${seen}` });
      return undefined;
    }
    const transcript = this.#transcript(peerParameters);
    const secret = (label: string): Buffer => socket.exportKeyingMaterial(suite.hashBytes, label, transcript);
    const ofClient = secret('EXPORTER-udprpc-1-client');
    const ofServer = secret('EXPORTER-udprpc-1-server');
    const { role, originalDestinationId } = this.#context;
    this.#keyLog?.write({ originalDestinationId, suite: suiteName, ofClient, ofServer });
    const isClient = role === 'client';
    const keys: readonly HandshakeEvent[] = [
      { kind: 'sealer', sealer: createSealer(suite, isClient ? ofClient : ofServer) },
      { kind: 'opener', opener: createOpener(suite, isClient ? ofServer : ofClient) },
    ];
    ofClient.fill(0);
    ofServer.fill(0);
    return keys;
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
      this.fail({ reason: 'its transport parameters are too long' });
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
}

function encodeBlob(parameters: Uint8Array): Uint8Array {
  const blob = new Uint8Array(varintLength(parameters.length) + parameters.length);
  const writer = new ByteWriter(blob);
  writer.varint(parameters.length);
  writer.write(parameters);
  return blob;
}

export const ALPN = 'udprpc/1';
/** Not for the user to change: not even the environment can switch the verification off. */
export const FIXED_OPTIONS = {
  ...TLS_VERSION,
  ALPNProtocols: [ALPN],
  rejectUnauthorized: true,
} as const satisfies Partial<ConnectionOptions & TlsOptions>;
const READING_MS = 5_000;
const WRITING_MS = 1_000;
/** As in plaintext. */
const MAX_BLOB_BYTES = 4_096;
