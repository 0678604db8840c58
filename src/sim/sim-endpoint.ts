/**
 * The transport core on a simulated host: a socket for each of its addresses, one endpoint, the same pump as on real sockets. Speaks plaintext,
 * with a handshake that a scenario may wrap.
 */
import { type Random } from '../base/random.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../transport/connection/transport-options.js';
import { type ObserveConnection } from '../transport/connection/connection-observer.js';
import { type ConnectionTransport } from '../transport/endpoint/connection-transport.js';
import {
  DEFAULT_ENDPOINT_LIMITS,
  type EndpointLimits,
  type EndpointMeans,
} from '../transport/endpoint/endpoint.js';
import { EndpointPump } from '../transport/endpoint/endpoint-pump.js';
import { type TokenProtection } from '../transport/endpoint/address-tokens.js';
import { TokenMemory } from '../transport/endpoint/token-memory.js';
import { type Address } from '../transport/path/path.js';
import { type CreateHandshake } from '../transport/protection/handshake.js';
import {
  type Checksum,
  createPlaintextHandshake,
  plaintextHelloProtection,
} from '../transport/protection/plaintext.js';
import { type StreamListener } from '../transport/stream-transport.js';
import { RESET_TOKEN_BYTES } from '../transport/wire/frame.js';
import { MAX_DATAGRAM_BYTES } from '../transport/path/datagram-limits.js';
import { ProtocolVersion } from '../transport/wire/version.js';
import { type SimHost } from './sim-host.js';
import { type SimNetwork, type SimSocket } from './sim-network.js';

export interface SimEndpointOptions {
  readonly network: SimNetwork;
  readonly host: SimHost;
  readonly random: Random;
  /** `crc32` of node:zlib, or any other function that both sides share. */
  readonly checksum: Checksum;
  /** What stateless resets and tokens are made with; the same after a crash, clients of before are told. Default: random. */
  readonly resetKey?: Uint8Array | undefined;
  readonly transport?: TransportOptions | undefined;
  readonly limits?: EndpointLimits | undefined;
  /** Default: nobody looks on. */
  readonly observe?: ObserveConnection | undefined;
  /** Puts its own handshake around the plaintext one. */
  readonly wrapHandshake?: ((inner: CreateHandshake) => CreateHandshake) | undefined;
  /** What protects the packets of handshakes; default: that of plaintext. */
  readonly helloProtection?: EndpointMeans['helloProtection'] | undefined;
  /** Told before code that uses promises is run: `SimLoop.touch`. */
  readonly touch?: (() => void) | undefined;
  /** Addresses of the host to listen at, each with a socket of its own; default: its first. */
  readonly ips?: readonly [string, ...string[]] | undefined;
}

export interface SimEndpointRole {
  readonly role: 'client' | 'server';
  readonly port: number;
  readonly accept?: (transport: ConnectionTransport) => StreamListener;
  readonly onRefused?: (to: Address) => void;
}

export interface SimEndpoint {
  readonly pump: EndpointPump;
  /** In the order of their addresses. */
  readonly sockets: readonly SimSocket[];
  /** The first of them. */
  readonly socket: SimSocket;
}

export function createSimEndpoint(options: SimEndpointOptions, role: SimEndpointRole): SimEndpoint {
  const plaintext = createPlaintextHandshake(options.checksum);
  const { network, host, ips = [host.ip], resetKey = options.random.bytes(RESET_KEY_BYTES) } = options;
  const bind = (ip: string, local: number): SimSocket =>
    network.bind(
      host,
      role.port,
      {
        onDatagram: (bytes, from) => {
          // Each arrival is memory of its own, and is overwritten where a driver may free it: who still looks is found out.
          const own = bytes.slice();
          if (pump.handleDatagram(own, from, local)) own.fill(FREED_BYTE);
        },
        onRefused: (to) => role.onRefused?.(to),
      },
      ip,
    );
  const socket = bind(ips[0], 0);
  const sockets = [socket, ...ips.slice(1).map((ip, index) => bind(ip, index + 1))];
  const { accept } = role;
  const pump = new EndpointPump({
    config: {
      role: role.role,
      versions: [ProtocolVersion.PLAINTEXT],
      options: options.transport ?? DEFAULT_TRANSPORT_OPTIONS,
      limits: options.limits ?? DEFAULT_ENDPOINT_LIMITS,
      // It counts datagrams of whatever size.
      receiveBufferBytes: socket.bufferDatagrams * MAX_DATAGRAM_BYTES,
      buffers: options.host.buffers,
    },
    means: {
      random: options.random,
      observe: options.observe,
      resetToken: simResetToken(options.checksum, resetKey),
      tokenProtection: simTokenProtection(options.checksum, resetKey),
      tokenMemory: new TokenMemory(),
      wallTime: () => network.clock.now(),
      createHandshake: options.wrapHandshake?.(plaintext) ?? plaintext,
      helloProtection: options.helloProtection ?? plaintextHelloProtection(options.checksum),
    },
    clock: options.host.clock(),
    send: (transmit) => {
      for (let start = 0; start < transmit.length; start += transmit.segmentSize) {
        const end = Math.min(transmit.length, start + transmit.segmentSize);
        sockets[transmit.local]?.send(transmit.bytes.subarray(start, end), transmit.remote);
      }
      pump.release(transmit);
    },
    ...(accept && { accept: (transport) => touching(accept(transport), options.touch) }),
  });
  return { pump, sockets, socket };
}

/** Stands in for an HMAC: in a simulation nobody guesses, so that it only has to depend on the key and the whole ID. */
function simResetToken(checksum: Checksum, key: Uint8Array): (connectionId: Uint8Array) => Uint8Array {
  return (connectionId) => {
    const token = new Uint8Array(RESET_TOKEN_BYTES);
    const view = new DataView(token.buffer);
    let value = checksum(key, 0);
    for (let offset = 0; offset < RESET_TOKEN_BYTES; offset += 4) {
      value = checksum(connectionId, (value ^ offset) >>> 0);
      view.setUint32(offset, value);
    }
    return token;
  };
}

/** Stands in for an AEAD: whoever has another key, or other bytes, does not know it for a token. */
export function simTokenProtection(checksum: Checksum, key: Uint8Array): TokenProtection {
  const sumOf = (bytes: Uint8Array): number => checksum(bytes, checksum(key, 1)) >>> 0;
  let salt = 0;
  return {
    seal(bytes) {
      const token = new Uint8Array(4 + bytes.length + 4);
      const view = new DataView(token.buffer);
      view.setUint32(0, salt++);
      token.set(bytes, 4);
      view.setUint32(4 + bytes.length, sumOf(token.subarray(0, 4 + bytes.length)));
      return token;
    },
    open(token) {
      const end = token.length - 4;
      if (end < 4) return undefined;
      const sum = new DataView(token.buffer, token.byteOffset).getUint32(end);
      return sum === sumOf(token.subarray(0, end)) ? token.slice(4, end) : undefined;
    },
  };
}

const RESET_KEY_BYTES = 16;

/** The same listener, that says before each event that promises may be at work. */
export function touching(listener: StreamListener, touch: (() => void) | undefined): StreamListener {
  if (touch === undefined) return listener;
  return {
    onHandshakeComplete: () => {
      touch();
      listener.onHandshakeComplete?.();
    },
    onReady: () => {
      touch();
      listener.onReady();
    },
    onStreamsAvailable: () => {
      touch();
      listener.onStreamsAvailable();
    },
    onStreamOpened: (streamId, isFirstFlight) => {
      touch();
      listener.onStreamOpened(streamId, isFirstFlight);
    },
    onStreamReadable: (streamId) => {
      touch();
      listener.onStreamReadable(streamId);
    },
    onStreamWritable: (streamId) => {
      touch();
      listener.onStreamWritable(streamId);
    },
    onStreamReset: (streamId, code) => {
      touch();
      listener.onStreamReset(streamId, code);
    },
    onStreamStopped: (streamId, code) => {
      touch();
      listener.onStreamStopped(streamId, code);
    },
    onSuspect: (reason) => {
      touch();
      listener.onSuspect?.(reason);
    },
    onRecovered: () => {
      touch();
      listener.onRecovered?.();
    },
    onClosed: (closed) => {
      touch();
      listener.onClosed(closed);
    },
  };
}

const FREED_BYTE = 0xee;
