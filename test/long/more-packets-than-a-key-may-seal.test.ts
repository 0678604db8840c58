/** Real limits and the real AEAD: takes minutes, so it is run by `npm run test:long`. */
import { aeadKeys } from '../support/keyed-handshake.js';
import { millPackets } from '../support/packet-mill.js';

const PACKETS = 2 ** 23 + 200_000;
const LONGEST_MS = 3_600_000;

test(
  '[KEY-5] 8.6 million packets on one connection: keys change in time, and nothing else is noticed',
  () => {
    const keys = aeadKeys('TLS_AES_128_GCM_SHA256');
    const { client, server, mostPacketsOfPhase, bytesRead } = millPackets(PACKETS, keys, {});
    expect([client.closed, server.closed]).toEqual([undefined, undefined]);
    expect(client.stats.packetsSent).toBeGreaterThanOrEqual(PACKETS);
    expect([client.stats.keyUpdates, server.stats.keyUpdates]).toEqual([2, 2]);
    expect(mostPacketsOfPhase.client).toBeLessThanOrEqual(2 ** 22 + 1);
    for (const { stats } of [client, server])
      expect(stats).toMatchObject({ packetsLost: 0, ptoCount: 0, drops: { notAuthentic: 0, duplicate: 0 } });
    expect(bytesRead).toBeGreaterThan(8 * PACKETS);
  },
  LONGEST_MS,
);
