import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { MAX_ATTACK_BYTES, MAX_STEPS_PER_BYTE } from '../../../support/attack-bounds.js';
import { frameBytes } from '../../../support/frame-bytes.js';
import { HostileRun } from '../../../support/hostile-run.js';

const STREAMS = 100;
const PER_DATAGRAM = 150;

interface Attack {
  readonly name: string;
  readonly isClosed: boolean;
  readonly send: (run: HostileRun) => void;
}

/** One byte of a stream at each of `count` offsets, many in a datagram, until the victim has enough. */
function bytesAt(run: HostileRun, id: number, count: number, offsetOf: (i: number) => number): void {
  for (let done = 0; done < count && run.connection.closed === undefined; done += PER_DATAGRAM) {
    const frames: Uint8Array[] = [];
    for (let i = done; i < Math.min(count, done + PER_DATAGRAM); i++) {
      frames.push(frameBytes.stream({ id, offset: offsetOf(i), data: 1 }));
    }
    run.send(...frames);
  }
}

function onEachStream(attack: (id: number) => void): void {
  for (let id = 0; id < 2 * STREAMS; id += 2) attack(id);
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'a thousand holes in each of a hundred streams',
    isClosed: true,
    send: (run) => {
      onEachStream((id) => {
        bytesAt(run, id, 1_000, (i) => 2 * i + 2);
      });
    },
  },
  {
    name: 'one stream with more and more holes',
    isClosed: true,
    send: (run) => {
      bytesAt(run, 0, 100_000, (i) => 2 * i + 2);
    },
  },
  {
    name: 'single bytes from the end to the beginning',
    isClosed: true,
    send: (run) => {
      bytesAt(run, 0, 100_000, (i) => 200_000 - i);
    },
  },
  {
    name: 'single bytes in order behind a hole',
    isClosed: false,
    send: (run) => {
      bytesAt(run, 0, 30_000, (i) => i + 1);
    },
  },
  {
    name: 'single bytes in order, which nobody reads',
    isClosed: false,
    send: (run) => {
      bytesAt(run, 0, 30_000, (i) => i);
    },
  },
  {
    name: 'one byte of each stream in each datagram of 60,000',
    isClosed: false,
    send: (run) => {
      for (let offset = 0; offset < 5; offset++) {
        onEachStream((id) => {
          run.send(frameBytes.stream({ id, offset, data: 1 }), frameBytes.padding(60_000));
        });
      }
    },
  },
  {
    name: 'a quarter of each datagram, early and late',
    isClosed: false,
    send: (run) => {
      onEachStream((id) => {
        for (let i = 0; i < 100; i++) {
          run.send(frameBytes.stream({ id, offset: 600 * i + 1, data: 300 }), frameBytes.padding(900));
        }
      });
    },
  },
  {
    name: 'datagrams of 40 bytes, which nobody reads',
    isClosed: false,
    send: (run) => {
      for (let i = 0; i < 40_000; i++) run.send(frameBytes.stream({ id: 0, offset: 10 * i, data: 10 }));
    },
  },
];

describe('a peer that sends', () => {
  test.each(ATTACKS)('[STR-9] $name is closed or held within bounds', ({ isClosed, send }) => {
    const run = new HostileRun();
    const idle = run.victim.bufferBytes;
    const { heldBytes, stepsPerByte } = run.costOf(() => {
      send(run);
    });
    expect(run.connection.closed?.code).toBe(isClosed ? TransportErrorCode.RESOURCE_LIMIT : undefined);
    expect(run.victim.bufferBytes - idle).toBeLessThan(MAX_ATTACK_BYTES / 2);
    expect(heldBytes).toBeLessThan(MAX_ATTACK_BYTES);
    expect(stepsPerByte).toBeLessThan(MAX_STEPS_PER_BYTE);
  });

  test('what a window allows is held once, not with the datagrams around it', () => {
    const transport = { connectionWindow: 1 << 20 };
    const run = new HostileRun({ transport });
    for (let id = 0, left = 1 << 20; left > 0; id += 2) {
      for (let offset = 0; offset < 65_536 && left > 0; offset += 512, left -= 512) {
        run.send(frameBytes.stream({ id, offset, data: 512 }), frameBytes.padding(1_400));
      }
    }
    expect(run.connection.closed).toBeUndefined();
    // The bytes, a megabyte of datagrams at most for parts of them, and room to gather into.
    expect(run.victim.bufferBytes).toBeGreaterThanOrEqual(1 << 20);
    expect(run.victim.bufferBytes).toBeLessThan(3 << 20);
  });

  test('its buffers are free again when the connection is gone', () => {
    const run = new HostileRun();
    bytesAt(run, 0, 900, (i) => 2 * i);
    expect(run.victim.bufferBytes).toBeGreaterThan(0);
    run.send(frameBytes.handshakeDone());
    expect(run.connection.closed?.code).toBe(TransportErrorCode.PROTOCOL_VIOLATION);
    expect(run.victim.bufferBytes).toBe(0);
  });
});
