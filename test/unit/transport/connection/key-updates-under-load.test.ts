import { crc32 } from 'node:zlib';
import { aeadKeys, checksumKeys } from '../../../support/keyed-handshake.js';
import { millPackets } from '../../../support/packet-mill.js';

/** `test/long` does the same with the real limits. */
test.each([
  ['AES-128-GCM', aeadKeys('TLS_AES_128_GCM_SHA256')],
  ['a checksum', checksumKeys(crc32)],
])('[KEY-5] [KEY-6] keys change every 500 packets, and nothing else is noticed: %s', (_, keys) => {
  const packets = 20_000;
  const { client, server, mostPacketsOfPhase, bytesRead } = millPackets(packets, keys, {
    keyUpdatePackets: 500,
  });
  expect([client.closed, server.closed]).toEqual([undefined, undefined]);
  expect(client.stats.keyUpdates).toBeGreaterThanOrEqual(30);
  expect(server.stats.keyUpdates).toBe(client.stats.keyUpdates);
  // Numbers that are left out count as packets.
  expect(mostPacketsOfPhase.client).toBeGreaterThan(480);
  expect(mostPacketsOfPhase.client).toBeLessThanOrEqual(501);
  for (const { stats } of [client, server])
    expect(stats).toMatchObject({ packetsLost: 0, ptoCount: 0, drops: { notAuthentic: 0, duplicate: 0 } });
  expect(bytesRead).toBeGreaterThan(8 * packets);
});
