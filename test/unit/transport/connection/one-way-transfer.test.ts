import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { EndpointPair, testMeans } from '../../../support/endpoint-pair.js';
import { observing } from '../../../support/observing.js';

const BYTES = 8 << 20;
/** All that the server may have unacknowledged: a hundred packets a round trip. */
const IN_FLIGHT_BYTES = 120_000;
const LOST_OF = 20;

interface Kept {
  ranges: number;
  ackOnlyPackets: number;
}

/** A server sends for hundreds of round trips; the client has all credit granted from the beginning. */
function download(): { readonly kept: Kept; readonly pair: EndpointPair; readonly lost: number } {
  const kept: Kept = { ranges: 0, ackOnlyPackets: 0 };
  const pair = new EndpointPair({
    client: { streamWindow: 4 * BYTES, connectionWindow: 4 * BYTES, maxDatagramSize: 1_200 },
    server: {
      sendBufferPerStream: IN_FLIGHT_BYTES,
      maxSendBufferPerStream: IN_FLIGHT_BYTES,
      maxDatagramSize: 1_200,
    },
    means: {
      ...testMeans(),
      observe: observing('client', ({ protected: { acks }, recovery }) => {
        const { PROTECTED } = PacketSpace;
        kept.ranges = Math.max(kept.ranges, acks.rangeCount);
        const ackOnly = recovery.unackedCount(PROTECTED) - recovery.packetsInFlight(PROTECTED);
        kept.ackOnlyPackets = Math.max(kept.ackOnlyPackets, ackOnly);
      }),
    },
  });
  const { client, server } = pair.establish();
  const id = client.openStream() ?? -1;
  client.writeStream(id, [Uint8Array.of(1)], true);
  pair.run(() => server.openStreamCount > 0);
  let sent = 0;
  let lost = 0;
  pair.filter = ({ from, bytes }) => {
    if (from === 'client' || ++sent % LOST_OF !== 0) return bytes;
    lost++;
    return undefined;
  };
  let left = BYTES;
  let isRead = false;
  pair.run(() => {
    while (left > 0) {
      const piece = new Uint8Array(Math.min(left, IN_FLIGHT_BYTES));
      const taken = server.writeStream(id, [piece], piece.length === left);
      left -= taken;
      if (taken < piece.length) break;
    }
    pair.server.touch(server);
    for (let got = client.readStream(id); got !== undefined; got = client.readStream(id)) {
      isRead ||= got === 'end';
      if (isRead) break;
    }
    pair.client.touch(client);
    return isRead;
  });
  expect(isRead).toBe(true);
  return { kept, pair, lost };
}

describe('[ACK-9] a client that only downloads', () => {
  test('keeps no more of what it has received and acknowledged than two round trips bring', () => {
    const { kept, lost } = download();
    // Each leaves a gap, and 64 would be kept of them.
    expect(lost).toBeGreaterThan(300);
    const packets = (2 * IN_FLIGHT_BYTES) / 1_200;
    expect(kept.ranges).toBeLessThan(packets / LOST_OF + 4);
    expect(kept.ackOnlyPackets).toBeLessThan(packets);
  });

  test('and its server fall silent when all has arrived', () => {
    const { pair } = download();
    pair.run(() => false, 1_000);
    const before = pair.flights.length;
    pair.run(() => false, 9_000);
    expect(pair.flights.length).toBe(before);
  });
});
