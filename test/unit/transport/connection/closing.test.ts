import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { EndpointPair } from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';

const PING = [FrameType.PING];

function forgedPair(): { pair: EndpointPair; forge: PacketForge } {
  const forge = new PacketForge();
  return { forge, pair: new EndpointPair({ means: forge.means }) };
}

describe('a connection that was closed', () => {
  test('[CLS-1] ends at once on both sides, and its streams with it', () => {
    const { pair } = forgedPair();
    const { client, server } = pair.establish();
    client.writeStream(client.openStream() as number, [Uint8Array.of(1)], false);
    pair.client.touch(client);
    pair.run(() => server.openStreamCount === 1);
    server.close(1, 'enough', pair.now);
    pair.server.touch(server);
    expect(server.openStreamCount).toBe(0);
    pair.run(() => client.closed !== undefined, 6);
    expect(client.closed).toEqual({ by: 'peer', code: 1, isApplication: true, reason: 'enough' });
    expect([client.openStreamCount, client.openStream()]).toEqual([0, undefined]);
  });

  test('[CLS-2] answers what still comes with CLOSE, each time after twice as many datagrams', () => {
    const { pair, forge } = forgedPair();
    const { client, server } = pair.establish();
    pair.run(() => false, 100);
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    server.close(0, '', pair.now);
    pair.server.touch(server);
    pair.flush();
    const answeredAt: number[] = [];
    for (let count = 1; count <= 63; count++) {
      const before = pair.flights.length;
      pair.deliver('server', forge.short('client', server.localId, 100 + count, PING));
      pair.flush();
      if (pair.flights.length > before) answeredAt.push(count);
    }
    expect(answeredAt).toEqual([1, 3, 7, 15, 31, 63]);
    const closes = forge.packetsOf(pair.flights, 'server', client.originalDestinationId).slice(-6);
    for (const { frames } of closes) expect(frames).toMatchObject([{ type: FrameType.CLOSE_APPLICATION }]);
  });

  test('[CLS-2] by the peer says nothing more, and both forget it after three PTOs', () => {
    const { pair, forge } = forgedPair();
    const { client, server } = pair.establish();
    pair.run(() => false, 100);
    server.close(0, '', pair.now);
    pair.server.touch(server);
    pair.run(() => client.closed !== undefined);
    const count = pair.flights.length;
    for (let i = 0; i < 10; i++) pair.deliver('client', forge.short('server', client.localId, 100 + i, PING));
    pair.flush();
    expect(pair.flights).toHaveLength(count);
    // A PTO is about 10 + 4 x 5 + 2 ms: the round trip, four times its variance, the delay of an ACK.
    pair.run(() => false, 60);
    expect([pair.client.connectionCount, pair.server.connectionCount]).toEqual([1, 1]);
    pair.run(() => false, 60);
    expect([pair.client.connectionCount, pair.server.connectionCount]).toEqual([0, 0]);
    expect(pair.flights).toHaveLength(count);
  });
});

describe('before confirmation', () => {
  test('[CLS-3] CLOSE goes into both kinds of packets, and an application says nothing in HELLO', () => {
    const { pair, forge } = forgedPair();
    const client = pair.connect();
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    pair.run(() => pair.accepted.length > 0);
    const count = pair.flights.length;
    client.close(1, 'in a hurry', pair.now);
    pair.client.touch(client);
    pair.flush();
    expect(pair.flights[count]?.bytes).toHaveLength(1_200);
    const packets = forge.packetsOf(pair.flights, 'client', client.originalDestinationId).slice(-2);
    expect(packets.map(({ space, frames }) => [space, frames[0]])).toEqual([
      [PacketSpace.HELLO, { type: FrameType.CLOSE_TRANSPORT, code: TransportErrorCode.NO_ERROR, reason: '' }],
      [PacketSpace.PROTECTED, { type: FrameType.CLOSE_APPLICATION, code: 1, reason: 'in a hurry' }],
    ]);
  });
});
