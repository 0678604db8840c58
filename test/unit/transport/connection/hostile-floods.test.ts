import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { MAX_ATTACK_BYTES, MAX_STEPS_PER_BYTE } from '../../../support/attack-bounds.js';
import { frameBytes } from '../../../support/frame-bytes.js';
import { HostileRun } from '../../../support/hostile-run.js';

const EMPTY = new Uint8Array(0);

/** Bounds that hold for every attack, and how it ended. */
function attack(
  run: HostileRun,
  send: (run: HostileRun) => void,
  maxStepsPerByte = MAX_STEPS_PER_BYTE,
): number | undefined {
  const { heldBytes, stepsPerByte } = run.costOf(() => {
    send(run);
  });
  expect(heldBytes).toBeLessThan(MAX_ATTACK_BYTES);
  expect(stepsPerByte).toBeLessThan(maxStepsPerByte);
  return run.connection.closed?.code;
}

function repeat(run: HostileRun, datagrams: number, frames: (i: number) => readonly Uint8Array[]): void {
  for (let i = 0; i < datagrams && run.connection.closed === undefined; i++) {
    run.send(...frames(i));
    run.peer.received.length = 0;
  }
}

/** The victim has much to send, and so many packets in flight. */
function bulkSender(): HostileRun {
  const run = new HostileRun({ isReading: true });
  run.send(
    frameBytes.stream({ id: 0, data: 1 }),
    frameBytes.maxData(2 ** 40),
    frameBytes.maxStreamData(0, 2 ** 40),
  );
  run.connection.writeStream(0, [new Uint8Array(1 << 20)], false);
  run.send(frameBytes.ping());
  return run;
}

describe('ACKs', () => {
  test('with hundreds of ranges, again and again, cost little', () => {
    const run = bulkSender();
    run.wait(50);
    const largest = run.peer.received.at(-1)?.packetNumber ?? 0;
    expect(largest).toBeGreaterThan(10);
    // Every second packet, so that as many ranges as possible hit something.
    const ranges = Array.from({ length: Math.floor(largest / 2) }, (_, i) => [2 * i, 2 * i] as const);
    const ack = frameBytes.ack(...ranges);
    expect(
      attack(
        run,
        () => {
          repeat(run, 2_000, () => [ack, ack, ack, ack]);
        },
        // To read a range costs 8; to look for its packets again, which are gone, as much once more.
        11,
      ),
    ).toBeUndefined();
  });

  test('[ACK-6] of what was never sent end the connection', () => {
    const run = bulkSender();
    run.send(frameBytes.ack([0, 1_000_000]));
    expect(run.connection.closed?.code).toBe(TransportErrorCode.PROTOCOL_VIOLATION);
  });

  test('that never come leave the victim with a bounded flight, whatever it was made to say', () => {
    const run = bulkSender();
    const code = attack(run, () => {
      // Asks for a frame each: MAX_STREAM_DATA, RESET_STREAM, STOP_SENDING, MAX_STREAMS.
      repeat(run, 200, (i) => [
        frameBytes.stream({ id: 2 * (i % 90), offset: 0, data: 1_000 }),
        frameBytes.stopSending(2 * (i % 90), 1),
        frameBytes.resetStream(2 * (i % 90), 1, 1_000),
      ]);
      run.wait(5_000);
    });
    expect(code).toBeUndefined();
    expect(run.connection.bytesInFlight).toBeLessThanOrEqual(run.connection.congestionWindow + 100_000);
  });
});

describe('streams', () => {
  test('[STR-3] a jump of the stream ID opens what is allowed, and beyond it ends the connection', () => {
    const run = new HostileRun();
    run.send(frameBytes.stream({ id: 198, data: 1 }));
    expect(run.connection.closed).toBeUndefined();
    expect([run.eventCount('streamOpened'), run.connection.openStreamCount]).toEqual([100, 100]);
    run.send(frameBytes.stream({ id: 200, data: 1 }));
    expect(run.connection.closed?.code).toBe(TransportErrorCode.STREAM_LIMIT_ERROR);
    const far = new HostileRun();
    far.send(frameBytes.stream({ id: 2 ** 52, data: 1 }));
    expect(far.connection.closed?.code).toBe(TransportErrorCode.STREAM_LIMIT_ERROR);
    expect(far.eventCount('streamOpened')).toBe(0);
  });

  test('opened and reset at once are bounded by the limit on streams while nobody settles them', () => {
    const run = new HostileRun();
    const code = attack(run, () => {
      repeat(run, 2_000, (i) => [frameBytes.resetStream(2 * i, 1, 0), frameBytes.stopSending(2 * i, 1)]);
    });
    expect(code).toBe(TransportErrorCode.STREAM_LIMIT_ERROR);
    expect(run.eventCount('streamOpened')).toBe(100);
  });

  test('[STR-4] another final size ends the connection, also of a stream that was stopped or reset', () => {
    const games: readonly (readonly Uint8Array[])[] = [
      [frameBytes.resetStream(0, 1, 5), frameBytes.resetStream(0, 1, 6)],
      [frameBytes.resetStream(0, 1, 6), frameBytes.resetStream(0, 1, 5)],
      [frameBytes.stream({ id: 0, data: 5, fin: true }), frameBytes.resetStream(0, 1, 6)],
      [frameBytes.resetStream(0, 1, 5), frameBytes.stream({ id: 0, offset: 5, data: 1 })],
      [frameBytes.stream({ id: 0, data: 9 }), frameBytes.resetStream(0, 1, 5)],
      [
        frameBytes.stream({ id: 0, offset: 9, fin: true }),
        frameBytes.stream({ id: 0, offset: 8, fin: true }),
      ],
    ];
    for (const frames of games) {
      const run = new HostileRun();
      run.send(...frames);
      expect(run.connection.closed?.code).toBe(TransportErrorCode.FINAL_SIZE_ERROR);
    }
  });

  test('[FLC-1] a final size beyond the window is as much as data beyond it', () => {
    for (const frame of [
      frameBytes.resetStream(0, 1, 2 ** 50),
      frameBytes.stream({ id: 0, offset: 2 ** 50 }),
    ]) {
      const run = new HostileRun();
      run.send(frame);
      expect(run.connection.closed?.code).toBe(TransportErrorCode.FLOW_CONTROL_ERROR);
    }
  });

  test('[STR-8] frames for a retired stream change nothing and cost nothing', () => {
    const run = new HostileRun({ isReading: true });
    run.send(frameBytes.stream({ id: 0, data: 10, fin: true }));
    run.connection.writeStream(0, [EMPTY], true);
    run.victim.touch(run.connection);
    run.send(frameBytes.ping());
    const last = run.peer.received.at(-1)?.packetNumber ?? 0;
    run.send(frameBytes.ack([0, last]));
    expect(run.connection.openStreamCount).toBe(0);
    const events = new Map(run.events);
    const code = attack(run, () => {
      repeat(run, 1_000, (i) => [
        frameBytes.stream({ id: 0, offset: i * 1_000, data: 1_000 }),
        frameBytes.resetStream(0, 1, i),
        frameBytes.stopSending(0, 1),
        frameBytes.maxStreamData(0, i),
      ]);
    });
    expect(code).toBeUndefined();
    expect(run.events).toEqual(events);
  });

  test('of the other side are never opened by a frame', () => {
    for (const id of [1, 3, 2 ** 52 + 1]) {
      const run = new HostileRun();
      run.send(frameBytes.maxStreamData(id, 10));
      expect(run.connection.closed?.code).toBe(TransportErrorCode.STREAM_STATE_ERROR);
    }
    const client = new HostileRun({ victim: 'client' });
    client.send(frameBytes.stream({ id: 3, data: 1 }));
    expect(client.connection.closed?.code).toBe(TransportErrorCode.STREAM_LIMIT_ERROR);
  });
});

describe('the handshake stream', () => {
  test('[HSK-3] in single bytes with holes between them is bounded by its size', () => {
    const run = new HostileRun();
    const code = attack(run, () => {
      for (let offset = 60_000; offset > 1_000; offset -= 300) {
        const frames: Uint8Array[] = [];
        for (let i = 0; i < 150; i++) frames.push(frameBytes.handshake(offset - 2 * i, Uint8Array.of(1)));
        run.send(...frames);
      }
    });
    expect(code).toBeUndefined();
    run.send(frameBytes.handshake(1 << 16, Uint8Array.of(1)));
    expect(run.connection.closed?.code).toBe(TransportErrorCode.HANDSHAKE_BUFFER_EXCEEDED);
  });

  test('[HSK-3] in single bytes from its beginning costs no more than its size', () => {
    const run = new HostileRun();
    attack(run, () => {
      for (let offset = 1_000; offset < 65_000; offset += 200) {
        const frames: Uint8Array[] = [];
        for (let i = 0; i < 200; i++) frames.push(frameBytes.handshake(offset + i, Uint8Array.of(1)));
        run.send(...frames);
      }
    });
  });
});

describe('connection IDs and paths', () => {
  const id = (sequence: number): Uint8Array =>
    Uint8Array.of(9, 9, 9, 9, sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence);
  test.each<[string, (i: number) => Uint8Array]>([
    ['NEW_CONNECTION_ID, always more', (i) => frameBytes.newConnectionId(i + 10, 0, id(i))],
    [
      'NEW_CONNECTION_ID that retires all before it',
      (i) => frameBytes.newConnectionId(i + 10, i + 10, id(i)),
    ],
    ['RETIRE_CONNECTION_ID', (i) => frameBytes.retireConnectionId(i)],
    ['PATH_CHALLENGE', (i) => frameBytes.pathChallenge(id(i))],
    ['PATH_RESPONSE', (i) => frameBytes.pathResponse(id(i))],
  ])('%s ends the connection or stays within bounds', (_, frame) => {
    const run = new HostileRun();
    attack(run, () => {
      repeat(run, 1_000, (i) => Array.from({ length: 40 }, (__, j) => frame(40 * i + j)));
    });
    // A response has the size of its challenge; the packets around them weigh a little more.
    expect(run.bytesOut).toBeLessThanOrEqual(run.bytesIn * 1.1 + 3_000);
  });
});

test('a client that is attacked by its server holds to the same bounds', () => {
  const run = new HostileRun({ victim: 'client' });
  const streamId = run.connection.openStream() ?? -1;
  run.connection.writeStream(streamId, [new Uint8Array(100)], true);
  run.send(frameBytes.ping());
  const code = attack(run, () => {
    repeat(run, 1_000, (i) =>
      Array.from({ length: 100 }, (_, j) =>
        frameBytes.stream({ id: streamId, offset: 100 * i + j, data: 1 }),
      ),
    );
    repeat(run, 1_000, (i) => [frameBytes.maxStreams(i), frameBytes.maxData(i), frameBytes.handshakeDone()]);
  });
  expect(code).toBeUndefined();
  expect(run.peer.receivedFrames(FrameType.CLOSE_TRANSPORT)).toEqual([]);
});
