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
import { type Opener } from '../../../../src/transport/protection/protection.js';
import { EndpointPair, type PairOptions, testMeans } from '../../../support/endpoint-pair.js';

const OTHER: Address = { ip: '10.0.0.3', port: 1 };

/** The dearest thing that a server did with a hello, in the order of what they cost under TLS. */
type Effort = 'looked' | 'asked for its keys' | 'opened';

/** A server that says what it does with a hello, and the hellos of as many clients as are asked for. */
class Watched {
  readonly pair: EndpointPair;
  #effort: Effort = 'looked';

  constructor(serverLimits: PairOptions['serverLimits'] = {}) {
    const means = testMeans();
    this.pair = new EndpointPair({
      serverLimits,
      means: {
        helloProtection: (version, helloId, role) => {
          const protection = means.helloProtection(version, helloId, role);
          return role === 'server' ? { ...protection, opener: this.#watched(protection.opener) } : protection;
        },
      },
    });
    this.pair.filter = () => undefined;
  }

  #watched(opener: Opener): Opener {
    this.#effort = 'asked for its keys';
    return {
      overhead: opener.overhead,
      isInPlace: opener.isInPlace,
      open: (...packet) => {
        this.#effort = 'opened';
        return opener.open(...packet);
      },
    };
  }

  hello(): Uint8Array {
    this.pair.connect();
    this.pair.flush();
    const flight = this.pair.flights.findLast(({ from }) => from === 'client');
    if (flight === undefined) throw new Error('no hello');
    return flight.bytes;
  }

  judge(hello: Uint8Array, from?: Address): { reason: DropReason | undefined; effort: Effort } {
    const before = { ...this.pair.server.drops };
    this.#effort = 'looked';
    this.pair.deliver('server', hello, from);
    const reasons = Object.entries(this.pair.server.drops) as [DropReason, number][];
    return { reason: reasons.find(([reason, count]) => count > before[reason])?.[0], effort: this.#effort };
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
    expect(watched.judge(hello)).toEqual({ reason: 'refused', effort: 'looked' });
    expect(watched.judge(withToken(hello))).toEqual({ reason: 'refused', effort: 'looked' });
    expect(watched.judge(hello, OTHER)).toEqual({ reason: undefined, effort: 'opened' });
  });

  test.each(['maxHalfOpen', 'maxHalfOpenPerAddress'] as const)(
    'is not opened above %s, unless it has a token, which may prove its address',
    (limit) => {
      const watched = new Watched({ [limit]: 1 });
      watched.judge(watched.hello());
      const hello = watched.hello();
      expect(watched.judge(hello)).toEqual({ reason: 'refused', effort: 'looked' });
      // And lets it in no more when it does not.
      expect(watched.judge(withToken(hello))).toEqual({ reason: 'refused', effort: 'opened' });
    },
  );

  test('[RTY-1] is not opened when as many were told to come again as may be', () => {
    const watched = new Watched({ retryAboveHalfOpen: 0 });
    const hello = watched.hello();
    // It comes again, with a token: then it is opened.
    const answered = { reason: 'addressNotProven', effort: 'asked for its keys' };
    for (let i = 0; i < 20_000; i++) expect(watched.judge(hello)).toEqual(answered);
    expect(watched.judge(hello)).toEqual({ reason: 'addressNotProven', effort: 'looked' });
    expect(watched.answers()).toBe(20_000);
    // What has a token has to be opened, and is told no more often.
    expect(watched.judge(withToken(hello))).toEqual({ reason: 'addressNotProven', effort: 'opened' });
    expect(watched.answers()).toBe(0);
    watched.pair.now += 1;
    expect(watched.judge(hello)).toEqual(answered);
    expect(watched.answers()).toBe(1);
  });

  test('[HSK-9] is not opened when as many were refused as may be', () => {
    const watched = new Watched();
    watched.pair.server.refuseNew();
    const hello = watched.hello();
    for (let i = 0; i < 1_000; i++) watched.judge(hello);
    expect(watched.judge(hello)).toEqual({ reason: 'refused', effort: 'looked' });
    watched.pair.now += 1;
    expect(watched.judge(hello)).toEqual({ reason: 'refused', effort: 'opened' });
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
