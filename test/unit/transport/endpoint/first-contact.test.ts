import { type Address } from '../../../../src/transport/path/path.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import {
  decodeHeader,
  type HelloHeader,
  patchHelloLength,
  writeHelloHeader,
} from '../../../../src/transport/wire/header.js';
import { type DropReason } from '../../../../src/transport/connection/connection-stats.js';
import { EndpointPair, type PairOptions, testMeans } from '../../../support/endpoint-pair.js';

const OTHER: Address = { ip: '10.0.0.3', port: 1 };

/** A server that says of how many hellos it has derived keys, and the hellos of as many clients as are asked for. */
class Watched {
  keysDerived = 0;
  readonly pair: EndpointPair;

  constructor(serverLimits: PairOptions['serverLimits'] = {}) {
    const means = testMeans();
    this.pair = new EndpointPair({
      serverLimits,
      means: {
        helloProtection: (version, helloId, role) => {
          if (role === 'server') this.keysDerived++;
          return means.helloProtection(version, helloId, role);
        },
      },
    });
    this.pair.filter = () => undefined;
  }

  hello(): Uint8Array {
    this.pair.connect();
    this.pair.flush();
    const flight = this.pair.flights.findLast(({ from }) => from === 'client');
    if (flight === undefined) throw new Error('no hello');
    return flight.bytes;
  }

  /** What becomes of it, and whether keys were derived to find out. */
  judge(hello: Uint8Array, from?: Address): { reason: DropReason | undefined; isOpened: boolean } {
    const before = { ...this.pair.server.drops };
    const keysBefore = this.keysDerived;
    this.pair.deliver('server', hello, from);
    const isOpened = this.keysDerived > keysBefore;
    const reasons = Object.entries(this.pair.server.drops) as [DropReason, number][];
    return { reason: reasons.find(([reason, count]) => count > before[reason])?.[0], isOpened };
  }

  answers(): number {
    const before = this.pair.flights.length;
    this.pair.flush();
    return this.pair.flights.slice(before).filter(({ from }) => from === 'server').length;
  }
}

/** One of the same client, authentic, with a token that nobody has made. */
function withToken(hello: Uint8Array): Uint8Array {
  const { version, destinationId, sourceId } = decodeHeader(hello, 0, 8) as HelloHeader;
  const { sealer } = testMeans().helloProtection(version, destinationId, 'client');
  const writer = new ByteWriter(new Uint8Array(1_300));
  const fields = { version, destinationId, sourceId, packetNumber: 0, packetNumberLength: 1 } as const;
  const lengthPosition = writeHelloHeader(writer, { ...fields, token: new Uint8Array(50) });
  const payloadStart = writer.offset;
  writer.u8(FrameType.PING);
  writer.offset = 1_200;
  patchHelloLength(writer.bytes, lengthPosition, writer.offset + sealer.overhead - payloadStart + 1);
  return writer.bytes.slice(0, sealer.seal(0, writer.bytes, 0, payloadStart, writer.offset));
}

function damaged(hello: Uint8Array): Uint8Array {
  return hello.with(600, (hello[600] ?? 0) ^ 1);
}

describe('a hello of which nothing can come', () => {
  test('is not opened when its address has all the connections that it may have, with a token neither', () => {
    const watched = new Watched({ maxConnectionsPerAddress: 1 });
    expect(watched.judge(watched.hello()).reason).toBeUndefined();
    const hello = watched.hello();
    expect(watched.judge(hello)).toEqual({ reason: 'refused', isOpened: false });
    expect(watched.judge(withToken(hello))).toEqual({ reason: 'refused', isOpened: false });
    expect(watched.judge(hello, OTHER)).toEqual({ reason: undefined, isOpened: true });
  });

  test.each(['maxHalfOpen', 'maxHalfOpenPerAddress'] as const)(
    'is not opened above %s, unless it has a token, which may prove its address',
    (limit) => {
      const watched = new Watched({ [limit]: 1 });
      watched.judge(watched.hello());
      const hello = watched.hello();
      expect(watched.judge(hello)).toEqual({ reason: 'refused', isOpened: false });
      // And lets it in no more when it does not.
      expect(watched.judge(withToken(hello))).toEqual({ reason: 'refused', isOpened: true });
    },
  );

  test('[RTY-1] is not opened when as many were told to come again as may be', () => {
    const watched = new Watched({ retryAboveHalfOpen: 0 });
    const hello = watched.hello();
    for (let i = 0; i < 20_000; i++) watched.judge(hello);
    expect(watched.judge(hello)).toEqual({ reason: 'addressNotProven', isOpened: false });
    expect(watched.answers()).toBe(20_000);
    // What has a token has to be opened, and is told no more often.
    expect(watched.judge(withToken(hello))).toEqual({ reason: 'addressNotProven', isOpened: true });
    expect(watched.answers()).toBe(0);
    watched.pair.now += 1;
    expect(watched.judge(hello)).toEqual({ reason: 'addressNotProven', isOpened: true });
    expect(watched.answers()).toBe(1);
  });

  test('[HSK-9] is not opened when as many were refused as may be', () => {
    const watched = new Watched();
    watched.pair.server.refuseNew();
    const hello = watched.hello();
    for (let i = 0; i < 1_000; i++) watched.judge(hello);
    expect(watched.judge(hello)).toEqual({ reason: 'refused', isOpened: false });
    watched.pair.now += 1;
    expect(watched.judge(hello)).toEqual({ reason: 'refused', isOpened: true });
  });
});

describe('a hello that is not authentic', () => {
  test('takes nothing from the refusals of those that are', () => {
    const watched = new Watched();
    watched.pair.server.refuseNew();
    const hello = watched.hello();
    for (let i = 0; i < 25_000; i++) watched.judge(damaged(hello));
    expect(watched.pair.server.drops.notAuthentic).toBe(25_000);
    expect(watched.answers()).toBe(0);
    watched.judge(hello);
    expect(watched.answers()).toBe(1);
  });
});
