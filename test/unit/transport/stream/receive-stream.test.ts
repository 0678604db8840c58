import { type StreamEvent } from '../../../../src/transport/connection/connection-event.js';
import { lose, packetOf, pattern } from '../../../support/stream-packet.js';
import { readAll, streamPair } from '../../../support/stream-pair.js';
import { errorWithCode } from '../../../support/transport-error.js';

const EMPTY = new Uint8Array(0);

function readableCount(events: readonly StreamEvent[]): number {
  return events.filter(({ kind }) => kind === 'streamReadable').length;
}

describe('readable', () => {
  test('comes when there is something after there was nothing, not for each frame', () => {
    const { server, serverEvents } = streamPair();
    server.onStreamFrame(0, 10, pattern(10), false, false);
    expect(readableCount(serverEvents)).toBe(0);
    server.onStreamFrame(0, 0, pattern(10), false, false);
    server.onStreamFrame(0, 20, pattern(10), false, false);
    expect(readableCount(serverEvents)).toBe(1);
    expect(readAll(server, 0).bytes).toHaveLength(30);
    server.onStreamFrame(0, 0, pattern(30), false, false);
    expect(readableCount(serverEvents)).toBe(1);
    server.onStreamFrame(0, 30, pattern(1), false, false);
    expect(readableCount(serverEvents)).toBe(2);
    server.onStreamFrame(0, 31, EMPTY, true, false);
    expect(readableCount(serverEvents)).toBe(2);
    expect(readAll(server, 0)).toEqual({ bytes: pattern(1), hasEnded: true });
  });

  test('comes for an end alone', () => {
    const { server, serverEvents } = streamPair();
    server.onStreamFrame(0, 0, pattern(10), false, false);
    readAll(server, 0);
    server.onStreamFrame(0, 10, EMPTY, true, false);
    expect(readableCount(serverEvents)).toBe(2);
    expect([server.read(0), server.read(0)]).toEqual(['end', undefined]);
    server.onStreamFrame(0, 10, EMPTY, true, false);
    expect(readableCount(serverEvents)).toBe(2);
  });
});

describe('limits', () => {
  test('[FLC-1] bytes above the limit of the stream are refused, whatever way they come', () => {
    const limits = { server: { streamWindow: 100 } };
    const attempts = [
      (server: ReturnType<typeof streamPair>['server']): void => {
        server.onStreamFrame(0, 100, pattern(1), false, false);
      },
      (server: ReturnType<typeof streamPair>['server']): void => {
        server.onStreamFrame(0, Number.MAX_SAFE_INTEGER - 1, pattern(1), true, false);
      },
      (server: ReturnType<typeof streamPair>['server']): void => {
        server.onResetStream(0, 0, 101);
      },
    ];
    for (const attempt of attempts) {
      const { server } = streamPair(limits);
      server.onStreamFrame(0, 0, pattern(100), false, false);
      expect(() => {
        attempt(server);
      }).toThrow(errorWithCode('FLOW_CONTROL_ERROR'));
    }
  });

  test('[FLC-1] bytes above the limit of the connection are refused', () => {
    const { server } = streamPair({ server: { connectionWindow: 100 } });
    server.onStreamFrame(0, 0, pattern(60), false, false);
    server.onStreamFrame(0, 0, pattern(60), false, false);
    server.onStreamFrame(2, 0, pattern(40), false, false);
    expect(() => {
      server.onStreamFrame(4, 0, pattern(1), false, false);
    }).toThrow(errorWithCode('FLOW_CONTROL_ERROR'));
  });

  test('[FLC-1] a gap counts as if it were filled', () => {
    const { server } = streamPair({ server: { connectionWindow: 100 } });
    server.onStreamFrame(0, 90, pattern(10), false, false);
    expect(() => {
      server.onStreamFrame(2, 0, pattern(1), false, false);
    }).toThrow(errorWithCode('FLOW_CONTROL_ERROR'));
  });

  test('[STR-9] too many small pieces that wait are refused', () => {
    const { server } = streamPair({ server: { reassemblyPieces: 3 } });
    for (const offset of [2, 4, 6]) server.onStreamFrame(0, offset, pattern(1), false, false);
    expect(() => {
      server.onStreamFrame(0, 8, pattern(1), false, false);
    }).toThrow(errorWithCode('RESOURCE_LIMIT'));
  });
});

describe('final size', () => {
  test.each<[string, (server: ReturnType<typeof streamPair>['server']) => void]>([
    [
      'bytes behind the end',
      (server) => {
        server.onStreamFrame(0, 10, pattern(1), false, false);
      },
    ],
    [
      'another end, higher',
      (server) => {
        server.onStreamFrame(0, 11, EMPTY, true, false);
      },
    ],
    [
      'another end, lower',
      (server) => {
        server.onStreamFrame(0, 5, pattern(4), true, false);
      },
    ],
    [
      'a reset that disagrees',
      (server) => {
        server.onResetStream(0, 0, 9);
      },
    ],
  ])('[STR-4] %s', (_, attempt) => {
    const { server } = streamPair();
    server.onStreamFrame(0, 5, pattern(5), true, false);
    expect(() => {
      attempt(server);
    }).toThrow(errorWithCode('FINAL_SIZE_ERROR'));
  });

  test('[STR-4] an end before what has arrived', () => {
    const { server } = streamPair();
    server.onStreamFrame(0, 5, pattern(5), false, false);
    expect(() => {
      server.onStreamFrame(0, 0, pattern(9), true, false);
    }).toThrow(errorWithCode('FINAL_SIZE_ERROR'));
  });

  test('[STR-4] the same end again is no error', () => {
    const { server } = streamPair();
    server.onStreamFrame(0, 0, pattern(10), true, false);
    server.onStreamFrame(0, 0, pattern(10), true, false);
    server.onResetStream(0, 0, 10);
    expect(readAll(server, 0)).toEqual({ bytes: pattern(10), hasEnded: true });
  });
});

describe('window updates', () => {
  test('[FLC-3] come when the application has read half of a window', () => {
    const { server } = streamPair({ server: { streamWindow: 1_000, connectionWindow: 2_000 } });
    server.onStreamFrame(0, 0, pattern(499), false, false);
    server.onStreamFrame(0, 499, pattern(1), false, false);
    server.read(0);
    expect(server.hasFramesToSend).toBe(false);
    server.read(0);
    expect(packetOf(server).frames).toEqual([{ kind: 'maxStreamData', streamId: 0, limit: 1_500 }]);
    server.onStreamFrame(2, 0, pattern(500), false, false);
    readAll(server, 2);
    expect(packetOf(server).frames).toEqual([
      { kind: 'maxData', limit: 3_000 },
      { kind: 'maxStreamData', streamId: 2, limit: 1_500 },
    ]);
  });

  test('[REC-3] that were lost are sent again while they are current, and only then', () => {
    const { server } = streamPair({ server: { streamWindow: 1_000, connectionWindow: 1_000 } });
    server.onStreamFrame(0, 0, pattern(500), false, false);
    readAll(server, 0);
    const first = packetOf(server);
    lose(server, first);
    const again = packetOf(server);
    expect(again.frames).toEqual(first.frames);
    server.onStreamFrame(0, 500, pattern(500), false, false);
    readAll(server, 0);
    const second = packetOf(server);
    expect(second.frames).toEqual([
      { kind: 'maxData', limit: 2_000 },
      { kind: 'maxStreamData', streamId: 0, limit: 2_000 },
    ]);
    lose(server, again);
    expect(server.hasFramesToSend).toBe(false);
    lose(server, second);
    server.onStreamFrame(0, 1_000, EMPTY, true, false);
    expect(packetOf(server).frames).toEqual([{ kind: 'maxData', limit: 2_000 }]);
  });

  test('of a stream end with it', () => {
    const { server } = streamPair({ server: { streamWindow: 1_000 } });
    server.onStreamFrame(0, 0, pattern(800), true, false);
    server.read(0);
    expect(server.hasFramesToSend).toBe(false);
  });
});
