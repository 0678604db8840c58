/**
 * A client that is let in and sends what no honest one would, as fast as the server takes it, beside an honest one. Its connection
 * is closed, or holds little. The same attacks, and more, are counted step by step in test/unit/transport/connection/hostile-*.
 */
import { jest } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { TransportErrorCode } from '../../../src/transport/transport-error.js';
import { MAX_ATTACK_BYTES } from '../../support/attack-bounds.js';
import { type WatchedConnection } from '../../support/connection-watch.js';
import { frameBytes } from '../../support/frame-bytes.js';
import { beside, besideText, heldBytes } from '../../support/honest-neighbour.js';
import { HostileSocket } from '../../support/hostile-socket.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { joined, messageUnit, requestHeader } from '../../support/raw-caller.js';
import {
  closeAll,
  closeLater,
  serveEcho,
  type TestImplementation,
  type TlsServer,
} from '../../support/tls-fixture.js';

jest.setTimeout(120_000);

afterEach(closeAll);

const DATAGRAMS = isLong ? 20_000 : 400;
const DATAGRAM_BYTES = 1_100;
/** So many fit into the smallest receive buffer that a system gives. */
const BATCH = 16;
const FAR = 2 ** 40;
/** The newest ones, in each ACK. */
const ACKED_PACKETS = 256;

/** One who attacks, and what the server counts of its packets. */
class Attacker {
  /** Numbers of the packets that the server has sent, as they came. */
  readonly heard: number[] = [];
  readonly #socket: HostileSocket;
  readonly #counted: WatchedConnection;

  static async connect({ port, watch }: TlsServer): Promise<Attacker> {
    const socket = await HostileSocket.connect(port);
    closeLater(() => socket.close());
    const [counted] = watch.connections;
    if (counted === undefined) throw new Error('the server knows nothing of it');
    return new Attacker(socket, counted);
  }

  private constructor(socket: HostileSocket, counted: WatchedConnection) {
    this.#socket = socket;
    this.#counted = counted;
    socket.onPacket = ({ packetNumber }) => this.heard.push(packetNumber);
  }

  /** With which the server has closed the connection; undefined: it has not. */
  get closeCode(): number | undefined {
    return this.#counted.closed?.code;
  }

  get sentCount(): number {
    return this.#socket.sentCount;
  }

  async send(...frames: readonly Uint8Array[]): Promise<void> {
    const before = takenBy(this.#counted);
    await this.#socket.send(...frames);
    await this.until(() => takenBy(this.#counted) > before);
  }

  /** What `frames` makes, in so many datagrams at most: until the server has had enough. */
  async flood(frames: (index: number) => readonly Uint8Array[]): Promise<void> {
    const before = takenBy(this.#counted);
    for (let i = 0; i < DATAGRAMS && this.closeCode === undefined; i++) {
      await this.#socket.send(...frames(i));
      // The attack is what arrives: not what a full buffer drops.
      if (i % BATCH === 0) await this.until(() => takenBy(this.#counted) - before > i);
    }
    await this.until(() => takenBy(this.#counted) - before >= DATAGRAMS);
  }

  /** As many of the frame in each datagram as there is room for. */
  floodFull(frame: (index: number) => Uint8Array): Promise<void> {
    let index = 0;
    return this.flood(() => {
      const frames: Uint8Array[] = [];
      for (let bytes = 0; bytes < DATAGRAM_BYTES;) {
        const next = frame(index++);
        frames.push(next);
        bytes += next.length;
      }
      return frames;
    });
  }

  /** The server is made to send without end, as far as that is acknowledged. */
  download(): Promise<void> {
    const request = joined(requestHeader('Download', { timeoutMs: 60_000 }), messageUnit(new Uint8Array(0)));
    const stream = frameBytes.stream({ id: 0, data: request, fin: true });
    return this.send(stream, frameBytes.maxData(FAR), frameBytes.maxStreamData(0, FAR));
  }

  /** Resolves when the server has sent so many packets; `acknowledge` makes the ACK for what has come. */
  async hear(packets: number, acknowledge: (heard: readonly number[]) => Uint8Array): Promise<void> {
    for (let before = 0; this.heard.length < packets && this.closeCode === undefined;) {
      await this.until(() => this.heard.length > before);
      before = this.heard.length;
      await this.send(acknowledge(this.heard));
    }
  }

  /** Or until the server has closed the connection. Throws when the test is over. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && this.closeCode === undefined) {
      if (this.#socket.isClosed) throw new Error('the socket is closed');
      await setImmediate();
    }
  }
}

/** Packets, used or not. */
function takenBy({ packetsReceived, drops }: WatchedConnection): number {
  return packetsReceived + Object.values(drops).reduce((sum, count) => sum + count, 0);
}

function id(sequence: number): Uint8Array {
  return Uint8Array.of(9, 9, 9, 9, sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence);
}

/** One byte of a stream. */
function byteAt(streamId: number, offset: number): Uint8Array {
  return frameBytes.stream({ id: streamId, offset, data: 1 });
}

/** As an honest one acknowledges. */
const asHeard = (heard: readonly number[]): Uint8Array =>
  frameBytes.ack(...heard.slice(-ACKED_PACKETS).map((packetNumber) => [packetNumber, packetNumber] as const));

const largest = (heard: readonly number[]): number => Math.max(...heard);

interface Attack {
  readonly name: string;
  /** How it ends: undefined for one that the rules allow. */
  readonly code?: number;
  readonly run: (attacker: Attacker) => Promise<void>;
}

const { PROTOCOL_VIOLATION, CONNECTION_ID_LIMIT_ERROR, RESOURCE_LIMIT, STREAM_LIMIT_ERROR } =
  TransportErrorCode;

const ATTACKS: readonly Attack[] = [
  {
    name: '[ACK-6] ACKs of packets that were never sent',
    code: PROTOCOL_VIOLATION,
    run: (attacker) => attacker.send(frameBytes.ack([0, 1_000_000])),
  },
  {
    name: '[PKN-5] optimistic ACKs, of all that must have been sent',
    code: PROTOCOL_VIOLATION,
    run: async (attacker) => {
      await attacker.download();
      await attacker.hear(Infinity, (heard) => frameBytes.ack([0, largest(heard)]));
    },
  },
  {
    name: 'ACKs of 600 ranges',
    run: async (attacker) => {
      await attacker.download();
      await attacker.hear(1_500, asHeard);
      const ranges = attacker.heard
        .filter((packetNumber) => packetNumber % 2 === 0)
        .slice(-600)
        .map((packetNumber) => [packetNumber, packetNumber] as const);
      expect(ranges).toHaveLength(600);
      await attacker.flood(() => [frameBytes.ack(...ranges)]);
    },
  },
  {
    name: '[MIG-3] connection IDs, always more',
    code: CONNECTION_ID_LIMIT_ERROR,
    run: (attacker) => attacker.floodFull((i) => frameBytes.newConnectionId(i + 10, 0, id(i))),
  },
  {
    name: '[MIG-3] connection IDs that retire all before them',
    code: CONNECTION_ID_LIMIT_ERROR,
    run: (attacker) => attacker.floodFull((i) => frameBytes.newConnectionId(i + 10, i + 10, id(i))),
  },
  {
    name: '[MIG-4] connection IDs retired before they are told',
    code: PROTOCOL_VIOLATION,
    run: (attacker) => attacker.floodFull((i) => frameBytes.retireConnectionId(i + 1)),
  },
  {
    name: 'path challenges',
    run: (attacker) => attacker.floodFull((i) => frameBytes.pathChallenge(id(i))),
  },
  {
    name: 'path responses',
    run: (attacker) => attacker.floodFull((i) => frameBytes.pathResponse(id(i))),
  },
  { name: 'PINGs', run: (attacker) => attacker.floodFull(() => frameBytes.ping()) },
  { name: 'datagrams of a PING', run: (attacker) => attacker.flood(() => [frameBytes.ping()]) },
  { name: 'PADDING', run: (attacker) => attacker.floodFull(() => frameBytes.padding(1)) },
  {
    name: 'requests in frames of one byte',
    run: async (attacker) => {
      const header = requestHeader('Upload', { timeoutMs: 60_000 });
      const head = joined(header, messageUnit(new Uint8Array(0), 4 << 20));
      await attacker.send(frameBytes.stream({ id: 0, data: head }));
      await attacker.floodFull((i) => byteAt(0, head.length + i));
    },
  },
  {
    name: '[STR-9] one stream with more and more gaps',
    code: RESOURCE_LIMIT,
    run: (attacker) => attacker.floodFull((i) => byteAt(0, 2 * i + 2)),
  },
  {
    name: '[STR-9] gaps in a hundred streams',
    code: RESOURCE_LIMIT,
    run: (attacker) => attacker.floodFull((i) => byteAt(2 * (i % 100), 2 * Math.floor(i / 100) + 2)),
  },
  {
    name: '[STR-9] single bytes from the end to the beginning',
    code: RESOURCE_LIMIT,
    run: (attacker) => attacker.floodFull((i) => byteAt(0, 900_000 - 2 * i)),
  },
  {
    name: '[STR-3] streams, always more',
    code: STREAM_LIMIT_ERROR,
    run: (attacker) => attacker.floodFull((i) => byteAt(2 * i, 1)),
  },
];

/** Sends as long as it is let. */
const endless: Partial<TestImplementation> = {
  async *download() {
    const payload = new Uint8Array(16 << 10);
    for (;;) yield { payload };
  },
  async upload(messages) {
    let count = 0;
    for await (const { payload } of messages) count += payload.length;
    return { count };
  },
};

test.each(ATTACKS)('$name', async ({ name, code, run }) => {
  const server = await serveEcho({ transport: { maxDatagramSize: 1_200 } }, endless);
  const attacker = await Attacker.connect(server);
  const before = heldBytes();
  const meanwhile = await beside(server.port, run(attacker));
  const held = Math.max(meanwhile.heldBytes, heldBytes()) - before;
  printFigures(
    name.replace(/^\[.*?\] /, ''),
    `${attacker.sentCount} datagrams, ${attacker.heard.length} heard`,
    attacker.closeCode === undefined ? 'not closed' : `closed with 0x${attacker.closeCode.toString(16)}`,
    `${(held / (1 << 20)).toFixed(1)} MiB held at most`,
    besideText(meanwhile),
  );
  expect(attacker.closeCode).toBe(code);
  expect(held).toBeLessThan(MAX_ATTACK_BYTES);
  expect(server.warnings).toEqual([]);
});
