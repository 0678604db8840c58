import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { MAX_ATTACK_BYTES, MAX_STEPS_PER_BYTE } from '../../../support/attack-bounds.js';
import { frameBytes } from '../../../support/frame-bytes.js';
import { HostileRun } from '../../../support/hostile-run.js';

const DATAGRAMS = 500;

/** As many of the frame as a datagram of 1,200 bytes holds, in each of `DATAGRAMS` datagrams. */
function flood(run: HostileRun, frame: (count: number) => Uint8Array): void {
  let count = 0;
  for (let i = 0; i < DATAGRAMS && run.connection.closed === undefined; i++) {
    const frames: Uint8Array[] = [];
    for (let bytes = 0; bytes < 1_100;) {
      const next = frame(count++);
      frames.push(next);
      bytes += next.length;
    }
    run.send(...frames);
    run.peer.received.length = 0;
    if (i % 100 === 0) run.wait(1);
  }
}

function openStreams(run: HostileRun, count: number): void {
  for (let i = 0; i < count; i++) run.send(frameBytes.stream({ id: 2 * i, data: 1 }));
}

/** The peer floods, acknowledges nothing, and stays connected. */
const FLOODS: readonly { readonly name: string; readonly frame: (count: number) => Uint8Array }[] = [
  { name: 'PING', frame: () => frameBytes.ping() },
  { name: 'PADDING', frame: () => frameBytes.padding(1) },
  { name: 'MAX_DATA, always more', frame: (count) => frameBytes.maxData(count) },
  {
    name: 'MAX_STREAM_DATA, always more, of all streams in turn',
    frame: (count) => frameBytes.maxStreamData(2 * (count % 50), count),
  },
  { name: 'MAX_STREAMS', frame: (count) => frameBytes.maxStreams(count) },
  { name: 'DATA_BLOCKED', frame: (count) => frameBytes.dataBlocked(count) },
  { name: 'STREAM_DATA_BLOCKED', frame: (count) => frameBytes.streamDataBlocked(2 * (count % 50), count) },
  { name: 'STREAMS_BLOCKED', frame: (count) => frameBytes.streamsBlocked(count) },
  { name: 'STOP_SENDING, again and again', frame: (count) => frameBytes.stopSending(2 * (count % 50), 1) },
  { name: 'RESET_STREAM, again and again', frame: (count) => frameBytes.resetStream(2 * (count % 50), 1, 1) },
  { name: 'empty STREAM', frame: (count) => frameBytes.stream({ id: 2 * (count % 50), offset: 1 }) },
  {
    name: 'HANDSHAKE bytes that came before',
    frame: () => frameBytes.handshake(0, Uint8Array.of(0)),
  },
];

describe('a peer that sends nothing but', () => {
  test.each(FLOODS)('$name costs little, and nothing that stays', ({ frame }) => {
    const run = new HostileRun();
    openStreams(run, 50);
    const { heldBytes, stepsPerByte } = run.costOf(() => {
      flood(run, frame);
    });
    expect(run.connection.closed).toBeUndefined();
    expect(heldBytes).toBeLessThan(MAX_ATTACK_BYTES / 16);
    expect(stepsPerByte).toBeLessThan(MAX_STEPS_PER_BYTE);
    // Whoever asks for much gets less: it pays for the attack, and reflects nothing.
    expect(run.bytesOut).toBeLessThan(run.bytesIn / 4);
  });

  test('PINGs is answered by one ACK for two packets, however many of them are in a packet', () => {
    const run = new HostileRun();
    for (let i = 0; i < 100; i++) run.send(...Array.from({ length: 1_000 }, frameBytes.ping));
    const acks = run.peer.receivedFrames(FrameType.ACK).length;
    // Half of them, and one for the jump of the first packet number.
    expect(acks).toBeGreaterThanOrEqual(50);
    expect(acks).toBeLessThanOrEqual(52);
  });
});
