import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { EndpointPair, testMeans } from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';

/** A client and a server that leave out every second PROTECTED number: the smallest random number is always drawn. */
function skipping(): { pair: EndpointPair; forge: PacketForge } {
  const means = testMeans();
  const forge = new PacketForge({
    ...means,
    random: { bytes: (length) => means.random.bytes(length), fraction: () => 0 },
  });
  return { pair: new EndpointPair({ means: forge.means }), forge };
}

test('[PKN-5] skipped numbers are never used, and nobody is troubled by them', () => {
  const { pair, forge } = skipping();
  const { client, server } = pair.establish();
  client.writeStream(client.openStream() as number, [new Uint8Array(100_000)], true);
  pair.client.touch(client);
  pair.run(() => client.bytesInFlight === 0 && client.stats.packetsSent > 60);
  const numbers = forge
    .packetsOf(pair.flights, 'client', client.originalDestinationId)
    .filter(({ space }) => space === PacketSpace.PROTECTED)
    .map(({ packetNumber }) => packetNumber);
  expect(numbers.length).toBeGreaterThan(60);
  expect(numbers.every((number) => number % 2 === 0)).toBe(true);
  expect([client.stats.packetsLost, server.stats.packetsLost]).toEqual([0, 0]);
  expect([client.closed, server.closed]).toEqual([undefined, undefined]);
});

test('[PKN-5] [ACK-6] who acknowledges one has made it up: the connection ends', () => {
  const { pair, forge } = skipping();
  const { client } = pair.establish();
  client.writeStream(client.openStream() as number, [new Uint8Array(5_000)], true);
  pair.client.touch(client);
  pair.run(() => false, 100);
  expect(client.closed).toBeUndefined();
  // Largest 2, no delay, no further range, three packets: 0, 1 and 2.
  pair.deliver('client', forge.short('server', client.localId, 1_000, [FrameType.ACK, 2, 0, 0, 2]));
  expect(client.closed).toMatchObject({ by: 'local', code: TransportErrorCode.PROTOCOL_VIOLATION });
});
