import { CLEAN_LINK } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { SimNetwork, type SocketHandler } from '../../../src/sim/sim-network.js';
import { Trace } from '../../../src/sim/trace.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import { type Address } from '../../../src/transport/path/path.js';

interface Inbox extends SocketHandler {
  readonly received: { at: number; bytes: Uint8Array; from: Address }[];
  readonly refused: Address[];
}

function setUp(hasIcmp = true) {
  const clock = new VirtualClock();
  const trace = new Trace();
  const network = new SimNetwork({ clock, random: new SeededRandom(1), trace, hasIcmp });
  const one = network.addHost('10.0.0.1');
  const other = network.addHost('10.0.0.2');
  network.connect(one.ip, other.ip, { ...CLEAN_LINK, delayMs: 10 });
  const inbox = (): Inbox => {
    const received: Inbox['received'] = [];
    const refused: Address[] = [];
    return {
      received,
      refused,
      onDatagram: (bytes, from) => received.push({ at: clock.now(), bytes, from }),
      onRefused: (to) => refused.push(to),
    };
  };
  return { clock, trace, network, one, other, inbox };
}

describe('SimNetwork', () => {
  test('a datagram arrives at the socket of its port with its sender, and the bytes are the reader’s own', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const from = network.bind(one, 0, inbox());
    const to = network.bind(other, 5_005, box);
    const bytes = Uint8Array.of(1, 2, 3);
    from.send(bytes, to.address);
    bytes.fill(9);
    clock.run(100);
    expect(box.received).toEqual([{ at: 10, bytes: Uint8Array.of(1, 2, 3), from: from.address }]);
  });

  test('a link begins with the conditions that are said for its direction, and all are changed by theirs', () => {
    const network = new SimNetwork({
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      conditions: (fromIp, toIp) => ({ ...CLEAN_LINK, delayMs: fromIp === 'a' && toIp === 'b' ? 5 : 7 }),
    });
    expect(
      [network.link('a', 'b'), network.link('b', 'a')].map(({ conditions }) => conditions.delayMs),
    ).toEqual([5, 7]);
    network.changeLinks((conditions, fromIp) => ({ ...conditions, delayMs: fromIp === 'b' ? 9 : 11 }));
    expect(
      [network.link('a', 'b'), network.link('b', 'a')].map(({ conditions }) => conditions.delayMs),
    ).toEqual([11, 9]);
  });

  test('port 0 takes a port that is free', () => {
    const { network, one, inbox } = setUp();
    const first = network.bind(one, 0, inbox());
    expect(network.bind(one, 0, inbox()).address.port).not.toBe(first.address.port);
    expect(() => network.bind(one, first.address.port, inbox())).toThrow('two sockets');
  });

  test('a host takes datagrams at a further address over the same link, and answers from there', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const answers = inbox();
    const from = network.bind(one, 0, answers);
    const to = network.bind(other, 5_005, box, '10.0.0.9');
    from.send(Uint8Array.of(1), { ip: '10.0.0.9', port: 5_005 });
    clock.run(100);
    to.send(Uint8Array.of(2), from.address);
    clock.run(200);
    expect(box.received.map(({ at }) => at)).toEqual([10]);
    expect(answers.received.map(({ at, from: { ip } }) => [at, ip])).toEqual([[110, '10.0.0.9']]);
  });

  test('a socket whose address changed sends from the new one, over the same link, and is not at the old one', () => {
    const { clock, network, one, other, inbox } = setUp();
    const client = inbox();
    const server = inbox();
    const socket = network.bind(one, 0, client);
    const to = network.bind(other, 5_005, server);
    const before = socket.address;
    to.send(Uint8Array.of(1), before);
    network.readdress(socket, { ip: '10.9.0.1', port: 0 });
    socket.send(Uint8Array.of(2), to.address);
    to.send(Uint8Array.of(3), socket.address);
    clock.run(100);
    expect(client.received.map(({ at, bytes }) => [at, bytes[0]])).toEqual([[10, 3]]);
    expect(server.received.map(({ at, from }) => [at, from])).toEqual([[10, socket.address]]);
    expect(network.isFree(before)).toBe(true);
  });

  test('an address that was given up can be another’s, who gets what was on its way', () => {
    const { clock, network, one, other, inbox } = setUp();
    const heir = inbox();
    const socket = network.bind(one, 0, inbox());
    const to = network.bind(other, 5_005, inbox());
    const before = socket.address;
    to.send(Uint8Array.of(1), before);
    network.readdress(socket, { ip: one.ip, port: 0 });
    const other2 = network.bind(network.addHost('10.0.0.3'), 0, heir);
    network.readdress(other2, before);
    clock.run(100);
    expect(heir.received.map(({ bytes }) => bytes[0])).toEqual([1]);
    socket.close();
    expect(network.isFree(socket.address)).toBe(true);
  });

  test.each([true, false])('nobody on the port: refused when the network has ICMP (%s)', (hasIcmp) => {
    const { clock, network, one, other, inbox } = setUp(hasIcmp);
    const box = inbox();
    network.bind(one, 0, box).send(Uint8Array.of(1), { ip: other.ip, port: 7 });
    clock.run(100);
    expect(box.refused).toEqual(hasIcmp ? [{ ip: other.ip, port: 7 }] : []);
  });

  test('nobody at the address: silence', () => {
    const { clock, network, one, inbox } = setUp();
    const box = inbox();
    network.bind(one, 0, box).send(Uint8Array.of(1), { ip: '10.0.0.9', port: 7 });
    clock.run(100);
    expect(box.refused).toEqual([]);
  });

  test('a closed socket frees its port and gets nothing that was on its way', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const to = network.bind(other, 5_005, box);
    const from = network.bind(one, 0, inbox());
    from.send(Uint8Array.of(1), to.address);
    to.close();
    to.close();
    const next = inbox();
    network.bind(other, 5_005, next);
    clock.run(100);
    expect(box.received).toHaveLength(0);
    expect(next.received).toHaveLength(1);
  });

  test('a paused host gets its datagrams after the pause, as many as its buffer holds', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const to = network.bind(other, 5_005, box);
    to.bufferDatagrams = 3;
    const from = network.bind(one, 0, inbox());
    other.pause(500);
    for (let number = 0; number < 5; number++) from.send(Uint8Array.of(number), to.address);
    clock.run(1_000);
    expect(box.received.map(({ at, bytes }) => [at, bytes[0]])).toEqual([
      [500, 0],
      [500, 1],
      [500, 2],
    ]);
    from.send(Uint8Array.of(9), to.address);
    clock.run(2_000);
    expect(box.received).toHaveLength(4);
  });

  test('a pause holds back timers of that host only, and keeps their order', () => {
    const { clock, one, other } = setUp();
    const ran: string[] = [];
    one.clock().setTimer(() => ran.push(`one ${clock.now()}`), 10);
    one.clock().setTimer(() => ran.push(`later ${clock.now()}`), 20);
    other.clock().setTimer(() => ran.push(`other ${clock.now()}`), 15);
    one.pause(100);
    clock.run(200);
    expect(ran).toEqual(['other 15', 'one 100', 'later 100']);
  });

  test('a cancelled timer stays cancelled across a pause', () => {
    const { clock, one } = setUp();
    let ran = 0;
    const timer = one.clock().setTimer(() => ran++, 10);
    one.pause(100);
    clock.run(50);
    timer.cancel();
    clock.run(200);
    expect(ran).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a crash takes sockets and timers with it, and the host can start again', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const before = network.bind(other, 5_005, box);
    let ran = 0;
    const hostClock = other.clock();
    hostClock.setTimer(() => ran++, 10);
    hostClock.soon(() => ran++);
    hostClock.atEndOfTurn(() => ran++);
    network.crash(other);
    expect(before.isClosed).toBe(true);
    const after = inbox();
    network.bind(other, 5_005, after);
    network.bind(one, 0, inbox()).send(Uint8Array.of(1), { ip: other.ip, port: 5_005 });
    other.clock().setTimer(() => (ran += 10), 5);
    // What ran before the crash goes on asking: a promise of it may have settled meanwhile.
    hostClock.setTimer(() => ran++, 6);
    hostClock.soon(() => ran++);
    clock.run(100);
    expect(ran).toBe(10);
    expect(box.received).toHaveLength(0);
    expect(after.received).toHaveLength(1);
    expect(other.pendingTimers).toBe(0);
  });

  test('timers of a host with lateness come late, never early', () => {
    const { clock, one } = setUp();
    one.lateness = () => 7;
    const ran: number[] = [];
    one.clock().setTimer(() => ran.push(clock.now()), 10);
    clock.run(100);
    expect(ran).toEqual([17]);
  });

  test('a failing send loses the datagram and is seen', () => {
    const { clock, network, one, other, inbox } = setUp();
    const box = inbox();
    const to = network.bind(other, 5_005, box);
    const from = network.bind(one, 0, inbox());
    const fates: string[] = [];
    network.observer = {
      onSent: () => undefined,
      onDelivered: () => undefined,
      onFate: (fate) => fates.push(fate),
    };
    from.isSendFailing = () => true;
    from.send(Uint8Array.of(1), to.address);
    from.isSendFailing = () => false;
    from.send(Uint8Array.of(2), to.address);
    clock.run(100);
    expect(box.received.map(({ bytes }) => bytes[0])).toEqual([2]);
    expect(fates).toEqual(['sendFailed', 'delivered']);
  });

  test('the trace names what was sent, what befell it, and what arrived', () => {
    const { clock, trace, network, one, other, inbox } = setUp();
    const to = network.bind(other, 5_005, inbox());
    const from = network.bind(one, 0, inbox());
    from.send(Uint8Array.of(1), to.address);
    clock.run(100);
    network.connect(one.ip, other.ip, { ...CLEAN_LINK, lossRate: 1 });
    from.send(Uint8Array.of(2), to.address);
    expect(trace.lines).toEqual([
      '0.000 > 10.0.0.1:40000 10.0.0.2:5005 1 0',
      '10.000 < 10.0.0.1:40000 10.0.0.2:5005 1 0',
      '100.000 > 10.0.0.1:40000 10.0.0.2:5005 1 0',
      '100.000 lost 10.0.0.1:40000 10.0.0.2:5005 1 0',
    ]);
  });
});
