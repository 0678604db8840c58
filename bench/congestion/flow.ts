/**
 * One bulk transfer over a simulated link, through the whole transport: a client that asks, a server that streams, each
 * an endpoint of its own. Flows between the same two hosts share the link and its queue. Nothing here is real time.
 */
import { crc32 } from 'node:zlib';
import { type LinkConditions } from '../../src/sim/link.js';
import { SeededRandom } from '../../src/sim/seeded-random.js';
import { createSimEndpoint } from '../../src/sim/sim-endpoint.js';
import { type SimHost } from '../../src/sim/sim-host.js';
import { SimNetwork } from '../../src/sim/sim-network.js';
import { VirtualClock } from '../../src/sim/virtual-clock.js';
import { type CongestionControl } from '../../src/transport/congestion/create-controller.js';
import { type Connection } from '../../src/transport/connection/connection.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../src/transport/connection/transport-options.js';
import { type StreamListener, type StreamTransport } from '../../src/transport/stream-transport.js';
import { DEAF_LISTENER } from '../../test/support/deaf-listener.js';

export interface FlowOptions {
  readonly controller: CongestionControl;
  /** Infinity for a flow that never ends. */
  readonly bytes: number;
  readonly startMs: number;
  readonly transport?: Partial<TransportOptions> | undefined;
}

/** A server's and a client's host with a link between them, and the flows that share it. */
export class Bottleneck {
  readonly clock = new VirtualClock();
  readonly #random: SeededRandom;
  readonly #network: SimNetwork;
  readonly #server: SimHost;
  readonly #client: SimHost;
  #flows = 0;

  constructor(link: LinkConditions, seed: number) {
    this.#random = new SeededRandom(seed);
    this.#network = new SimNetwork({ clock: this.clock, random: this.#random.fork('network') });
    this.#server = this.#host('10.0.0.1', 'server');
    this.#client = this.#host('10.0.0.2', 'client');
    this.#network.connect(this.#server.ip, this.#client.ip, link);
  }

  start(options: FlowOptions): Flow {
    const flow = new Flow(options.bytes);
    const port = FIRST_PORT + this.#flows++;
    this.clock.setTimer(() => {
      this.#connect(flow, options, port);
    }, options.startMs);
    return flow;
  }

  /** Runs until the time, or until every one of `flows` has ended. */
  run(untilMs: number, flows: readonly Flow[] = []): void {
    while (
      this.clock.now() < untilMs &&
      (flows.length === 0 || flows.some((flow) => flow.endedAt === undefined))
    ) {
      this.clock.run(Math.min(untilMs, this.clock.now() + STEP_MS));
    }
  }

  #host(ip: string, name: string): SimHost {
    const host = this.#network.addHost(ip);
    const random = this.#random.fork(`timers of the ${name}`);
    // Node's timers count in whole milliseconds.
    host.lateness = () => random.within(0, 1);
    return host;
  }

  #connect(flow: Flow, options: FlowOptions, port: number): void {
    const transport = {
      ...DEFAULT_TRANSPORT_OPTIONS,
      ...WIDE_WINDOWS,
      ...options.transport,
      congestionControl: options.controller,
    };
    const endpointOptions = (host: SimHost) => ({
      network: this.#network,
      host,
      random: this.#random.fork(`endpoint ${host.ip} ${port}`),
      checksum: crc32,
      transport,
    });
    createSimEndpoint(endpointOptions(this.#server), {
      role: 'server',
      port,
      accept: (accepted) => {
        flow.sender = accepted.connection;
        return sender(accepted, flow.bytes);
      },
    });
    const client = createSimEndpoint(endpointOptions(this.#client), { role: 'client', port: 0 });
    const connected = client.pump.connect({ ip: this.#server.ip, port }, 0);
    flow.startedAt = this.clock.now();
    connected.listener = receiver(connected, flow, () => this.clock.now());
    const streamId = connected.openStream();
    if (streamId !== undefined) connected.writeStream(streamId, [Uint8Array.of(1)], true);
  }
}

export class Flow {
  readonly bytes: number;
  received = 0;
  startedAt = 0;
  endedAt: number | undefined;
  /** The server's side of it, once it is accepted. */
  sender: Connection | undefined;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Of the whole transfer, the handshake included; up to `now` when it has not ended. */
  goodputMbit(now: number): number {
    return toMbit(this.received, (this.endedAt ?? now) - this.startedAt);
  }
}

export function toMbit(bytes: number, ms: number): number {
  return (bytes * 8) / 1_000 / ms;
}

function sender(transport: StreamTransport, bytes: number): StreamListener {
  let left = bytes;
  const write = (streamId: number): void => {
    for (;;) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      const taken = transport.writeStream(streamId, [piece], piece.length === left);
      left -= taken;
      if (taken < piece.length || left === 0) return;
    }
  };
  return { ...DEAF_LISTENER, onStreamOpened: write, onStreamWritable: write };
}

function receiver(transport: StreamTransport, flow: Flow, now: () => number): StreamListener {
  return {
    ...DEAF_LISTENER,
    onStreamReadable: (streamId) => {
      for (;;) {
        const bytes = transport.readStream(streamId);
        if (bytes === undefined) return;
        if (bytes === 'end') {
          flow.endedAt = now();
          return;
        }
        flow.received += bytes.length;
      }
    },
  };
}

/** Of no profile the limit: what is judged here is the controller. */
const WIDE_WINDOWS: Partial<TransportOptions> = {
  streamWindow: 16 << 20,
  connectionWindow: 32 << 20,
  sendBufferPerStream: 16 << 20,
  sendBufferPerConnection: 32 << 20,
};
const PIECE = new Uint8Array(65_536);
const FIRST_PORT = 5_005;
const STEP_MS = 50;
