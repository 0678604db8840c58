import { type Connection } from '../../../../src/transport/connection/connection.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { EndpointPair } from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';

/** A client that has written more than its window lets out, into the void. */
function fullWindow(): { pair: EndpointPair; forge: PacketForge; client: Connection } {
  const forge = new PacketForge();
  const pair = new EndpointPair({ means: forge.means });
  const { client } = pair.establish();
  pair.run(() => false, 100);
  pair.filter = () => undefined;
  client.writeStream(client.openStream() as number, [new Uint8Array(500_000)], false);
  pair.client.touch(client);
  return { pair, forge, client };
}

test('[CON-1] no more is in flight than the window, until it is probed', () => {
  const { pair, client } = fullWindow();
  pair.run(() => client.stats.ptoCount > 0);
  expect(client.bytesInFlight).toBeLessThanOrEqual(client.congestionWindow);
  expect(client.bytesInFlight).toBeGreaterThan(client.congestionWindow - 1_200);
});

test('[REC-5] a probe is two packets beyond the window, with the oldest bytes, and nothing is lost by it', () => {
  const { pair, forge, client } = fullWindow();
  pair.run(() => client.stats.ptoCount > 0);
  const { congestionWindow } = client;
  const count = pair.flights.length;
  pair.flush();
  const probes = forge
    .packetsOf(pair.flights, 'client', client.originalDestinationId)
    .slice(count - pair.flights.length);
  expect(probes).toHaveLength(2);
  expect(probes[0]?.frames.at(-1)).toMatchObject({ type: FrameType.STREAM, streamId: 0, offset: 0 });
  expect(client.bytesInFlight).toBeGreaterThan(congestionWindow);
  expect([client.congestionWindow, client.stats.packetsLost]).toEqual([congestionWindow, 0]);
});

test('[REC-5] a probe with nothing to repeat is a PING', () => {
  const forge = new PacketForge();
  const pair = new EndpointPair({ means: forge.means });
  const { client } = pair.establish();
  const streamId = client.openStream() as number;
  client.writeStream(streamId, [new Uint8Array(10)], false);
  pair.client.touch(client);
  pair.run(() => false, 100);
  pair.filter = () => undefined;
  pair.run(() => client.stats.ptoCount > 1, 30_000);
  const types = forge
    .packetsOf(pair.flights, 'client', client.originalDestinationId)
    .slice(-2)
    .map(({ frames }) => frames.map(({ type }) => type));
  expect(types).toEqual(new Array(2).fill([FrameType.PADDING, FrameType.PING]));
});

test('[CON-3] an event loop that comes late sends what was due while it was away, not only a burst', () => {
  const pair = new EndpointPair({ delayMs: 10 });
  const { client } = pair.establish();
  const id = client.openStream() ?? -1;
  client.writeStream(id, [new Uint8Array(60_000)], true);
  pair.client.touch(client);
  pair.flights.length = 0;
  pair.flush();
  const atOnce = pair.flights.length;
  // The rest of the window of 32 datagrams is spread over less than a round trip of 20 ms: two of it a millisecond.
  pair.now = pair.client.pollTimeout() + 6;
  pair.client.handleTimeout(pair.now);
  pair.flush();
  expect(pair.flights.length - atOnce).toBeGreaterThan(atOnce);
});
