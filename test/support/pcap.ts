/**
 * Datagrams between a client and a server as a capture file (libpcap's format, with bare IPv4 packets), one for each
 * millisecond.
 */
export interface CapturedDatagram {
  readonly from: 'client' | 'server';
  readonly bytes: Uint8Array;
}

/** `snapLength`: of each packet, headers included, no more is kept. */
export function pcapOf(datagrams: readonly CapturedDatagram[], snapLength = 0x4_0000): Uint8Array {
  const file = Buffer.alloc(24);
  file.writeUInt32LE(0xa1b2_c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(snapLength, 16);
  file.writeUInt32LE(LINKTYPE_RAW, 20);
  const records = datagrams.map((datagram, index) => {
    const packet = ipPacket(datagram);
    const captured = packet.subarray(0, snapLength);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(Math.floor(index / 1_000), 0);
    record.writeUInt32LE((index % 1_000) * 1_000, 4);
    record.writeUInt32LE(captured.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return Buffer.concat([record, captured]);
  });
  return Buffer.concat([file, ...records]);
}

function ipPacket({ from, bytes }: CapturedDatagram): Buffer {
  const head = Buffer.alloc(28);
  head[0] = 0x45;
  head.writeUInt16BE(28 + bytes.length, 2);
  head[8] = 64;
  head[9] = UDP;
  for (const at of [12, 16]) head.set([127, 0, 0, 1], at);
  head.writeUInt16BE(from === 'client' ? CLIENT_PORT : SERVER_PORT, 20);
  head.writeUInt16BE(from === 'client' ? SERVER_PORT : CLIENT_PORT, 22);
  head.writeUInt16BE(8 + bytes.length, 24);
  return Buffer.concat([head, bytes]);
}

const LINKTYPE_RAW = 101;
const UDP = 17;
const CLIENT_PORT = 40_000;
const SERVER_PORT = 40_001;
