import { StreamSet } from '../../../../src/transport/stream/stream-set.js';

describe('StreamSet', () => {
  test('closes after a peer has passed the window of a stream, whatever the counts are then', () => {
    const limits = {
      maxStreams: 10,
      streamWindow: 10,
      connectionWindow: 100,
      sendBufferPerStream: 100,
      sendBufferPerConnection: 100,
      reassemblyGaps: 10,
    };
    const streams = new StreamSet({ role: 'server', limits, emit: () => undefined });
    expect(() => {
      streams.onStreamFrame(0, 0, new Uint8Array(11), false, false);
    }).toThrow('stream');
    streams.closeAll();
    expect(streams.openCount).toBe(0);
  });
});
