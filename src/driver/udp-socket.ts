/**
 * One socket of node:dgram, owned wholly: nobody else sees it, and nothing it says is thrown or left unhandled. It
 * hands up datagrams and errors, and gives a Transmit back when the kernel has copied it. It knows nothing of what is
 * inside a datagram, and nothing of connections.
 *
 * How many datagrams one turn of the event loop may bring is libuv's doing: at most 32 per socket and turn (its
 * `uv__udp_recvmsg`), so a limit of 256 would only bite above eight sockets; and a dgram socket cannot be paused.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type Transmit } from '../transport/connection/transmit.js';
import { type Address } from '../transport/path/path.js';
import {
  classifySocketError,
  SOCKET_ERROR_KINDS,
  type SocketError,
  type SocketErrorKind,
} from './socket-error.js';

export interface UdpSocketHandler {
  /** The memory is the callee's to keep: the socket never touches it again. */
  onDatagram(datagram: Uint8Array, remote: Address): void;
  /** `failed` could not be sent; undefined: the kernel has something to say about an earlier one. Already counted. */
  onSocketError(error: SocketError, failed: Transmit | undefined): void;
  /** The memory of what was given to `send` is free again. Comes once for each, sent or not, and for some at once. */
  onReleased(transmit: Transmit): void;
}

export interface UdpSocketStats {
  datagramsSent: number;
  datagramsReceived: number;
  /** Not even tried: the socket was closed, its queue full, or the address impossible. */
  datagramsNotTried: number;
  readonly errors: Record<SocketErrorKind, number>;
}

export class UdpSocket {
  readonly local: Address;
  /** What the kernel really gave; on Linux twice what was asked, bookkeeping included, or its limit. */
  readonly receiveBufferBytes: number;
  readonly stats: UdpSocketStats = {
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsNotTried: 0,
    errors: Object.fromEntries(SOCKET_ERROR_KINDS.map((kind) => [kind, 0])) as Record<
      SocketErrorKind,
      number
    >,
  };
  readonly #socket: Socket;
  readonly #handler: UdpSocketHandler;
  readonly #connectedTo: Address | undefined;
  readonly #remotes = new RecentRemotes();
  readonly #freeSendings: Sending[] = [];
  #queuedBytes = 0;
  #closed: Promise<void> | undefined;

  /** Listens on one address of this machine. Port 0 takes any. Rejects with Node's error. */
  static async bind(local: Address, handler: UdpSocketHandler): Promise<UdpSocket> {
    const socket = createSocket({ type: socketType(local.ip), ipv6Only: isIpv6(local.ip), lookup: noLookup });
    await opened(socket, (done) => {
      // Never shared among the workers of a cluster: each would get datagrams of the others' connections.
      socket.bind({ address: local.ip, port: local.port, exclusive: true }, done);
    });
    return new UdpSocket(socket, handler, undefined);
  }

  /** A socket for one peer only, which is how the kernel can tell us that it refuses. Rejects with Node's error. */
  static async connect(remote: Address, handler: UdpSocketHandler): Promise<UdpSocket> {
    const socket = createSocket({ type: socketType(remote.ip), lookup: noLookup });
    await opened(socket, (done) => {
      socket.connect(remote.port, remote.ip, done);
    });
    return new UdpSocket(socket, handler, remote);
  }

  private constructor(socket: Socket, handler: UdpSocketHandler, connectedTo: Address | undefined) {
    this.#socket = socket;
    this.#handler = handler;
    this.#connectedTo = connectedTo;
    const { address, port } = socket.address();
    this.local = { ip: address, port };
    this.receiveBufferBytes = widenBuffers(socket);
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
  }

  /** Sends to `transmit.remote`, or to the connected peer whoever that names. Never throws. */
  send(transmit: Transmit): void {
    const { bytes, length, segmentSize, remote } = transmit;
    // Port 0 can be forged in a datagram, and Node throws when asked to send there.
    const isPossible = this.#closed === undefined && remote.port !== 0 && length > 0;
    if (!isPossible || this.#queuedBytes + length > MAX_QUEUED_BYTES) {
      this.stats.datagramsNotTried++;
      this.#handler.onReleased(transmit);
      return;
    }
    this.#queuedBytes += length;
    const sending = this.#freeSendings.pop() ?? new Sending(this.#onSent);
    sending.transmit = transmit;
    sending.remaining = Math.ceil(length / segmentSize);
    for (let start = 0; start < length; start += segmentSize) {
      this.#sendSegment(bytes.subarray(start, Math.min(start + segmentSize, length)), remote, sending);
    }
  }

  /** From now on this socket alone does not keep the process alive. */
  unref(): void {
    this.#socket.unref();
  }

  /** What the kernel has taken still leaves. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#socket.close(resolve);
    });
    return this.#closed;
  }

  #sendSegment(segment: Uint8Array, remote: Address, sending: Sending): void {
    try {
      if (this.#connectedTo !== undefined) this.#socket.send(segment, sending.onDone);
      else this.#socket.send(segment, remote.port, remote.ip, sending.onDone);
    } catch (error) {
      sending.onDone(error);
    }
  }

  readonly #onSent = (sending: Sending, error: unknown): void => {
    const { transmit } = sending;
    if (error) this.#onFailed(error, transmit);
    else this.stats.datagramsSent++;
    if (--sending.remaining > 0) return;
    sending.transmit = undefined;
    if (this.#freeSendings.length < MAX_FREE_SENDINGS) this.#freeSendings.push(sending);
    if (transmit === undefined) return;
    this.#queuedBytes -= transmit.length;
    this.#handler.onReleased(transmit);
  };

  readonly #onMessage = (message: Buffer, remote: RemoteInfo): void => {
    this.stats.datagramsReceived++;
    // A plain array: what decodes a view of a Buffer makes Buffers of its parts.
    const datagram = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    this.#handler.onDatagram(datagram, this.#connectedTo ?? this.#remotes.find(remote.address, remote.port));
  };

  readonly #onError = (error: unknown): void => {
    this.#onFailed(error, undefined);
  };

  #onFailed(error: unknown, failed: Transmit | undefined): void {
    const socketError = classifySocketError(error);
    this.stats.errors[socketError.kind]++;
    if (this.#closed === undefined) this.#handler.onSocketError(socketError, failed);
  }
}

/** One Transmit under way. Made once and used again, so that sending makes no closure. */
class Sending {
  transmit: Transmit | undefined;
  /** Datagrams of it that the kernel has not answered for. */
  remaining = 0;
  readonly onDone: (error: unknown) => void;

  constructor(onSent: (sending: Sending, error: unknown) => void) {
    this.onDone = (error) => {
      onSent(this, error);
    };
  }
}

/**
 * Node makes a new string of the sender's address for every datagram. Keeping the last one of each slot lets all
 * datagrams of a peer name the same object, so that who compares or keeps it finds one string.
 */
class RecentRemotes {
  readonly #slots = new Array<Address | undefined>(REMOTE_SLOTS).fill(undefined);

  find(ip: string, port: number): Address {
    const slot = port & (REMOTE_SLOTS - 1);
    const known = this.#slots[slot];
    if (known?.port === port && known.ip === ip) return known;
    const address = { ip, port };
    this.#slots[slot] = address;
    return address;
  }
}

async function opened(socket: Socket, open: (done: (error?: Error | null) => void) => void): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      open((error) => {
        socket.removeListener('error', reject);
        if (error) reject(error);
        else resolve();
      });
    });
  } catch (error) {
    socket.on('error', () => undefined);
    socket.close();
    throw error;
  }
}

function widenBuffers(socket: Socket): number {
  // On loopback what was sent counts against the sender's buffer until the receiver reads it: both matter.
  for (const widen of [
    () => {
      socket.setRecvBufferSize(WANTED_BUFFER_BYTES);
    },
    () => {
      socket.setSendBufferSize(WANTED_BUFFER_BYTES);
    },
  ]) {
    try {
      widen();
    } catch {
      // Some systems refuse what they cannot give instead of giving what they can; then the default stays.
    }
  }
  return socket.getRecvBufferSize();
}

/** Addresses come here resolved: Node's own lookup would only cost another turn of the loop and more strings. */
function noLookup(
  hostname: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, hostname, isIpv6(hostname) ? 6 : 4);
}

function socketType(ip: string): 'udp4' | 'udp6' {
  return isIpv6(ip) ? 'udp6' : 'udp4';
}

function isIpv6(ip: string): boolean {
  return ip.includes(':');
}

/** Linux gives twice this where it may, its bookkeeping included. */
export const WANTED_BUFFER_BYTES = 4 << 20;
/** Beyond it a datagram is dropped, as a full interface queue would drop it. The congestion window stays below. */
const MAX_QUEUED_BYTES = 64 << 20;
/** A turn's worth. */
const MAX_FREE_SENDINGS = 512;
/** A power of two. Clients behind one address differ in their ports, so the port alone spreads well. */
const REMOTE_SLOTS = 256;
