import { Cubic } from '../../../../src/transport/congestion/cubic.js';
import { Recovery } from '../../../../src/transport/recovery/recovery.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { sentPacket } from './packets.js';

describe('a PTO while connecting', () => {
  test('repeats the oldest packets of the first flight too, which has room in the datagrams of its probes', () => {
    const controller = new Cubic({ maxDatagramSize: 1_200 });
    const recovery = new Recovery({ initialRttMs: 100, controller, maxAckDelayMs: 2 });
    recovery.handshakeProbeNeeded = true;
    recovery.onPacketSent(sentPacket(0, 0, { space: PacketSpace.HELLO }), 0);
    for (const number of [0, 1, 2]) {
      recovery.onPacketSent(sentPacket(number, 0, { space: PacketSpace.PROTECTED }), 0);
    }
    const { probeSpace, probes } = recovery.onTimeout(recovery.nextTimeout() ?? 0);
    expect(probeSpace).toBe(PacketSpace.HELLO);
    expect(probes.map(({ space, packetNumber }) => [space, packetNumber])).toEqual([
      [PacketSpace.HELLO, 0],
      [PacketSpace.PROTECTED, 0],
      [PacketSpace.PROTECTED, 1],
    ]);
  });
});
