import { Status } from 'nice-grpc-common';
import { beginRecord, endRecord } from '../../../src/rpc/attempt-record.js';
import { ScriptedTransport } from '../../support/scripted-transport.js';

const outcome = { attempt: 2, code: Status.UNAVAILABLE, details: 'gone', maybeExecuted: true };

describe("an attempt's record", () => {
  test('has what its connection counted while it ran, and the RTT at the end', () => {
    const transport = new ScriptedTransport();
    Object.assign(transport.packetCounts, { packetsSent: 10, packetsReceived: 8, packetsLost: 1 });
    const start = beginRecord(transport);
    Object.assign(transport.packetCounts, { packetsSent: 15, packetsReceived: 9, packetsLost: 4 });
    transport.measured = { smoothedRttMs: 40 };
    expect(endRecord(start, outcome, 1_000, 1_250)).toEqual({
      ...outcome,
      peer: '10.0.0.5:7000',
      durationMs: 250,
      rttMs: 40,
      packetsSent: 5,
      packetsReceived: 1,
      packetsLost: 3,
    });
  });

  test('of one that never got a stream has no peer, and no packets', () => {
    expect(endRecord(undefined, outcome, 1_000, 1_030)).toEqual({
      ...outcome,
      peer: undefined,
      durationMs: 30,
      rttMs: undefined,
      packetsSent: 0,
      packetsReceived: 0,
      packetsLost: 0,
    });
  });
});
