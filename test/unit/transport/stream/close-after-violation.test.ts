import { DEFAULT_STREAM_LIMITS } from '../../../../src/transport/stream/stream-limits.js';
import { streamSet } from '../../../support/stream-pair.js';

describe('StreamSet', () => {
  test('closes after a peer has passed the window of a stream, whatever the counts are then', () => {
    const limits = { ...DEFAULT_STREAM_LIMITS, streamWindow: 10, connectionWindow: 100 };
    const streams = streamSet({ role: 'server', limits, emit: () => undefined });
    expect(() => {
      streams.onStreamFrame(0, 0, new Uint8Array(11), false, false);
    }).toThrow('stream');
    streams.closeAll();
    expect(streams.openCount).toBe(0);
  });
});
