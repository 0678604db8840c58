import { PathMtu } from '../../../../src/transport/path/path-mtu.js';

const WINDOW = 40_000;
const RAISE_MS = 600_000;

/** A search against a path that carries `carries` bytes, and whose packets are numbered from 0. */
class Search {
  readonly changes: [datagramBytes: number, maxBytesInFlight: number][] = [];
  readonly mtu: PathMtu;
  carries: number;
  now = 1_000;
  next = 0;

  constructor(
    carries: number,
    { userLimit, remoteIp = '10.0.0.1' }: { userLimit?: number; remoteIp?: string } = {},
  ) {
    this.carries = carries;
    this.mtu = new PathMtu({
      userLimit,
      remoteIp,
      onChange: (...change) => this.changes.push(change),
    });
    this.mtu.onPeerLimits(65_507, 8 << 20);
    this.mtu.onConfirmed();
  }

  /** Full datagrams leave, a probe when one is due; its fate is told. Returns its size. */
  probe(): number | undefined {
    this.mtu.onDatagramFull();
    const bytes = this.mtu.nextProbe(WINDOW, this.now);
    if (bytes !== undefined)
      this.settle(bytes, true, () => {
        this.mtu.onProbeSent(this.next, bytes);
      });
    return bytes;
  }

  /** A packet of the size that is in use. */
  data(bytes = this.mtu.datagramBytes): void {
    this.settle(bytes, false);
  }

  /** The sizes that are tried until nothing more is. */
  run(): number[] {
    const sizes: number[] = [];
    for (let bytes = this.probe(); bytes !== undefined; bytes = this.probe()) sizes.push(bytes);
    return sizes;
  }

  private settle(bytes: number, isMtuProbe: boolean, onSent: () => void = () => undefined): void {
    onSent();
    const packet = { packetNumber: this.next++, bytes, isMtuProbe };
    if (bytes <= this.carries) this.mtu.onDelivered(packet);
    else this.mtu.onLost(packet, this.now);
  }
}

describe('the search', () => {
  test('[MTU-4] begins with the largest size, and ends when that arrives', () => {
    const search = new Search(1_452);
    expect(search.mtu.datagramBytes).toBe(1_200);
    expect(search.run()).toEqual([1_452]);
    expect(search.changes).toEqual([[1_452, Infinity]]);
    search.now += 10 * RAISE_MS;
    expect(search.run()).toEqual([]);
  });

  test('[MTU-5] gives a size up after three lost probes, and goes on in the middle of what is left', () => {
    const search = new Search(1_400);
    // Likely are ten sizes from 1,232 to 1,444; above 1,372 four; then 1,392 and 1,412; then 1,392.
    const triedThrice = [1_428, 1_428, 1_428, 1_412, 1_412, 1_412];
    expect(search.run()).toEqual([1_452, 1_452, 1_452, 1_372, ...triedThrice, 1_392]);
    expect(search.mtu.datagramBytes).toBe(1_392);
  });

  test.each([
    [1_199, 1_200],
    [1_231, 1_200],
    [1_232, 1_232],
    [1_252, 1_252],
    [1_300, 1_252],
    [1_372, 1_372],
    [1_420, 1_412],
    [1_451, 1_444],
    [9_000, 1_452],
  ])('[MTU-5] of a path that carries %i bytes finds %i', (carries, expected) => {
    const search = new Search(carries);
    search.run();
    expect(search.mtu.datagramBytes).toBe(expected);
  });

  test.each([
    [65_507, 65_507],
    // Linux of a kernel that knows less, and macOS.
    [16_384, 16_336],
    [9_216, 8_972],
    [1_472, 1_472],
  ])('[MTU-5] of a path that carries %i bytes finds %i where the user allows jumbo', (carries, expected) => {
    const search = new Search(carries, { userLimit: 65_507, remoteIp: '127.0.0.1' });
    search.run();
    expect(search.mtu.datagramBytes).toBe(expected);
  });

  test('[MTU-2] goes up to what the address allows where the user has said nothing', () => {
    expect(new Search(65_507, { remoteIp: '127.0.0.1' }).run()).toEqual([65_507]);
    expect(new Search(65_507, { remoteIp: '::1' }).run()).toEqual([65_488]);
    expect(new Search(65_507, { userLimit: 1_200 }).run()).toEqual([]);
    expect(new Search(65_507, { userLimit: 1_300 }).run()).toEqual([1_300]);
  });

  test('[MTU-4] waits until the handshake is confirmed, a datagram was full, and the probe before it is settled', () => {
    const mtu = new PathMtu({ userLimit: undefined, remoteIp: '10.0.0.1', onChange: () => undefined });
    mtu.onPeerLimits(65_507, undefined);
    mtu.onDatagramFull();
    expect(mtu.nextProbe(WINDOW, 0)).toBeUndefined();
    mtu.onConfirmed();
    expect(mtu.nextProbe(WINDOW, 0)).toBe(1_452);
    mtu.onProbeSent(7, 1_452);
    expect(mtu.probeBytes).toBe(1_452);
    mtu.onDatagramFull();
    expect(mtu.nextProbe(WINDOW, 0)).toBeUndefined();
    mtu.onLost({ packetNumber: 7, bytes: 1_452, isMtuProbe: true }, 0);
    expect(mtu.probeBytes).toBe(0);
    expect(mtu.nextProbe(WINDOW, 0)).toBe(1_452);
    mtu.onProbeSent(8, 1_452);
    mtu.onLost({ packetNumber: 8, bytes: 1_452, isMtuProbe: true }, 0);
    // Nothing was full since that probe left.
    expect(mtu.nextProbe(WINDOW, 0)).toBeUndefined();
  });

  test('[MTU-4] takes at most a quarter of the window, but on loopback', () => {
    const probeIn = (window: number, remoteIp: string): number | undefined => {
      const mtu = new PathMtu({ userLimit: 9_000, remoteIp, onChange: () => undefined });
      mtu.onPeerLimits(65_507, 1 << 20);
      mtu.onConfirmed();
      mtu.onDatagramFull();
      return mtu.nextProbe(window, 0);
    };
    expect(probeIn(35_999, '10.0.0.1')).toBeUndefined();
    expect(probeIn(36_000, '10.0.0.1')).toBe(9_000);
    expect(probeIn(2_400, '127.0.0.1')).toBe(9_000);
  });

  test('[MTU-8] is repeated from the top 600 s after it gave a size up', () => {
    const search = new Search(1_252);
    search.run();
    search.carries = 1_452;
    search.now += RAISE_MS - 1;
    expect(search.run()).toEqual([]);
    search.now += 1;
    expect(search.run()).toEqual([1_452]);
    expect(search.mtu.datagramBytes).toBe(1_452);
  });

  test('[CON-4] says what may be in flight as soon as datagrams are above 1,452 bytes, and no longer', () => {
    const search = new Search(65_507, { remoteIp: '127.0.0.1' });
    search.run();
    search.carries = 1_200;
    for (let count = 0; count < 3; count++) search.data();
    expect(search.changes).toEqual([
      [65_507, 2 << 20],
      [1_200, Infinity],
    ]);
  });
});

describe('a black hole', () => {
  /** A path that carried 1,452 bytes and does not any more. */
  function fallen(): Search {
    const search = new Search(1_452);
    search.run();
    search.carries = 1_252;
    return search;
  }

  test('[MTU-6] is noticed at the third loss, and the search begins again', () => {
    const search = fallen();
    search.data();
    search.data();
    expect(search.mtu.datagramBytes).toBe(1_452);
    search.data();
    expect(search.mtu.datagramBytes).toBe(1_200);
    expect(search.run().slice(0, 4)).toEqual([1_452, 1_452, 1_452, 1_372]);
    expect(search.mtu.datagramBytes).toBe(1_252);
  });

  test('[MTU-6] is none when something as large was acknowledged that was sent later', () => {
    const search = fallen();
    search.data();
    search.data();
    search.carries = 1_452;
    search.data();
    search.carries = 1_252;
    search.data();
    search.data();
    expect(search.mtu.datagramBytes).toBe(1_452);
  });

  test('[MTU-6] is not disproved by what was sent before it, or is small', () => {
    const search = fallen();
    const late = search.next++;
    search.data();
    search.data();
    search.mtu.onDelivered({ packetNumber: late, bytes: 1_452 });
    search.data(1_200);
    search.data();
    expect(search.mtu.datagramBytes).toBe(1_200);
  });

  test('[MTU-6] that opens twice within 600 s makes its size given up', () => {
    const search = fallen();
    for (let count = 0; count < 3; count++) search.data();
    search.carries = 1_452;
    expect(search.run()).toEqual([1_452]);
    search.now += RAISE_MS - 1;
    search.carries = 1_200;
    for (let count = 0; count < 3; count++) search.data();
    search.carries = 1_452;
    search.run();
    expect(search.mtu.datagramBytes).toBe(1_444);
  });

  test('[MTU-6] that opens again later is another one', () => {
    const search = fallen();
    for (let count = 0; count < 3; count++) search.data();
    search.carries = 1_452;
    search.run();
    search.now += RAISE_MS;
    search.carries = 1_200;
    for (let count = 0; count < 3; count++) search.data();
    search.carries = 1_452;
    search.run();
    expect(search.mtu.datagramBytes).toBe(1_452);
  });

  test('losses of what was sent before the size fell do not count again', () => {
    const search = fallen();
    for (let count = 0; count < 3; count++) search.data();
    search.run();
    for (let count = 0; count < 9; count++) search.data(1_452);
    expect(search.mtu.datagramBytes).toBe(1_252);
  });
});

describe('what the system refuses', () => {
  test('[MTU-7] is given up at once, and the search goes on below', () => {
    const search = new Search(9_216, { remoteIp: '127.0.0.1' });
    search.mtu.onDatagramFull();
    expect(search.mtu.nextProbe(WINDOW, 0)).toBe(65_507);
    search.mtu.onProbeSent(0, 65_507);
    search.mtu.onTooLarge(65_507);
    expect(search.mtu.probeBytes).toBe(0);
    const below = search.mtu.nextProbe(WINDOW, 0);
    expect(below).toBeLessThan(65_507);
    search.next = 1;
    search.run();
    expect(search.mtu.datagramBytes).toBe(8_972);
  });

  test('[MTU-7] although it was in use makes the size fall to the base', () => {
    const search = new Search(1_452);
    search.run();
    search.mtu.onTooLarge(1_452);
    expect(search.mtu.datagramBytes).toBe(1_200);
    search.carries = 1_392;
    search.run();
    expect(search.mtu.datagramBytes).toBe(1_392);
  });

  test('[MTU-7] without a word about its size means the largest that was tried', () => {
    const search = new Search(1_452);
    search.mtu.onDatagramFull();
    search.mtu.onProbeSent(0, search.mtu.nextProbe(WINDOW, 0) as number);
    search.mtu.onTooLarge(undefined);
    expect(search.mtu.nextProbe(WINDOW, 0)).toBe(1_372);
  });

  test('[MTU-7] below the base, or known already, changes nothing', () => {
    const search = new Search(1_452);
    search.run();
    search.mtu.onTooLarge(1_200);
    search.mtu.onTooLarge(9_000);
    search.mtu.onTooLarge(65_507);
    expect(search.mtu.datagramBytes).toBe(1_452);
    expect(search.run()).toEqual([]);
  });
});

test('[MTU-10] a new path begins at the base, and packets of the old one say nothing about it', () => {
  const search = new Search(65_507, { remoteIp: '127.0.0.1' });
  search.run();
  const old = search.next;
  search.data();
  search.mtu.onNewPath('10.0.0.1', search.next);
  expect(search.mtu.datagramBytes).toBe(1_200);
  search.mtu.onDelivered({ packetNumber: old, bytes: 65_507, isMtuProbe: true });
  for (let count = 0; count < 3; count++) search.mtu.onLost({ packetNumber: old, bytes: 65_507 }, search.now);
  expect(search.mtu.datagramBytes).toBe(1_200);
  expect(search.run()).toEqual([1_452]);
});
