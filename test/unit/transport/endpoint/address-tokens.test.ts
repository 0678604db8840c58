import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { SeededRandom } from '../../../../src/sim/seeded-random.js';
import { simTokenProtection } from '../../../../src/sim/sim-endpoint.js';
import { AddressTokens, type HelloFacts } from '../../../../src/transport/endpoint/address-tokens.js';
import { UsedTokens } from '../../../../src/transport/endpoint/used-tokens.js';
import { ProtocolVersion } from '../../../../src/transport/wire/version.js';

const KEY = Uint8Array.of(1, 2, 3);
const RETRY_ID = new Uint8Array(8).fill(7);
const ORIGINAL_ID = new Uint8Array(8).fill(1);
const DAY_MS = 24 * 3_600_000;
const client = { ip: '192.0.2.11', port: 4_000 };
/** The first hello, which is answered with a RETRY. */
const first: HelloFacts = {
  version: ProtocolVersion.PLAINTEXT,
  destinationId: ORIGINAL_ID,
  remote: client,
};
/** The one that follows. */
const second: HelloFacts = { ...first, destinationId: RETRY_ID };

function tokensOf({ key = KEY, wallTime = (): number => 1.7e12, seed = 1 } = {}): AddressTokens {
  const random = new SeededRandom(seed);
  return new AddressTokens({ random, tokenProtection: simTokenProtection(crc32, key), wallTime });
}

/** Of another process with the same key, which begins so much later. */
function nextTokensOf(laterMs: number): AddressTokens {
  return tokensOf({ wallTime: () => 1.7e12 + laterMs, seed: 2 });
}

describe('a token of a RETRY', () => {
  test('[RTY-2] [TOK-3] proves the address once, within 10 s, and says where the first hello went', () => {
    const tokens = tokensOf();
    const token = tokens.forRetry(first, RETRY_ID, 100);
    expect(tokens.redeem(token, second, 10_100)).toEqual({
      isProof: true,
      originalDestinationId: ORIGINAL_ID,
    });
    expect(tokens.redeem(token, second, 10_100)).toMatchObject({ isProof: false });
    const late = tokens.forRetry(first, RETRY_ID, 20_000);
    expect(tokens.redeem(late, second, 30_001)).toMatchObject({ isProof: false });
  });

  test.each<[string, HelloFacts, 'nothing' | 'no proof']>([
    ['another port', { ...second, remote: { ...client, port: 4_001 } }, 'no proof'],
    ['another host', { ...second, remote: { ...client, ip: '192.0.2.2' } }, 'no proof'],
    ['a host whose address begins so', { ...second, remote: { ...client, ip: '192.0.2.110' } }, 'no proof'],
    ['a host that it begins with', { ...second, remote: { ...client, ip: '192.0.2.1' } }, 'no proof'],
    ['another version', { ...second, version: ProtocolVersion.TLS }, 'nothing'],
    ['another destination ID', { ...second, destinationId: ORIGINAL_ID }, 'nothing'],
  ])('[TOK-2] [TOK-3] is not good for a hello from, or of, %s', (_, hello, expected) => {
    const tokens = tokensOf();
    const token = tokens.forRetry(first, RETRY_ID, 0);
    const redeemed = tokens.redeem(token, hello, 1);
    expect(redeemed === undefined ? 'nothing' : redeemed.isProof || 'no proof').toBe(
      expected === 'nothing' ? 'nothing' : 'no proof',
    );
    // And is not used up by it.
    expect(tokens.redeem(token, second, 2)?.isProof).toBe(true);
  });

  test('[TOK-3] of a process before is no proof: what that one has seen used is not known', () => {
    const token = tokensOf().forRetry(first, RETRY_ID, 0);
    // Also where the clock was set back between them, and after the next one has made some itself.
    for (const next of [nextTokensOf(1_000), nextTokensOf(-1_000)]) {
      for (const now of [0, 2_000]) {
        const redeemed = next.redeem(token, second, now);
        expect(redeemed).toEqual({ isProof: false, originalDestinationId: ORIGINAL_ID });
        next.forRetry(first, RETRY_ID, now);
      }
    }
  });
});

describe('a token for another connection', () => {
  test('[TOK-4] proves the host once, for 24 h, from any port, and after a restart with the same key', () => {
    const tokens = tokensOf();
    const token = tokens.forAddress(first.version, client, 0);
    const later = nextTokensOf(DAY_MS);
    const elsewhere = { ...first, remote: { ...client, port: 9 } };
    expect(later.redeem(token, elsewhere, 0)).toEqual({ isProof: true, originalDestinationId: undefined });
    expect(later.redeem(token, elsewhere, 1)?.isProof).toBe(false);
    const tooLate = nextTokensOf(DAY_MS + 1);
    expect(tooLate.redeem(token, first, 0)?.isProof).toBe(false);
  });

  test('[TOK-2] counts as none from another host, by another key, of the future, cut, longer, or made up', () => {
    const tokens = tokensOf();
    const token = tokens.forAddress(first.version, client, 0);
    expect(tokens.redeem(token, { ...first, remote: { ...client, ip: '192.0.2.9' } }, 1)?.isProof).toBe(
      false,
    );
    expect(tokensOf({ key: Uint8Array.of(9) }).redeem(token, first, 1)).toBeUndefined();
    expect(tokensOf({ wallTime: () => 1.6e12 }).redeem(token, first, 1)?.isProof).toBe(false);
    expect(tokens.redeem(token.subarray(1), first, 1)).toBeUndefined();
    expect(tokens.redeem(Uint8Array.from([...token, 0]), first, 1)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(tokens.redeem(bytes, first, 1)).toBeUndefined();
      }),
    );
    expect(tokens.redeem(token, first, 1)?.isProof).toBe(true);
  });

  test('[TOK-2] a wall clock that is set makes none older, newer, or good again', () => {
    let wall = 1.7e12;
    const tokens = tokensOf({ wallTime: () => wall });
    const token = tokens.forRetry(first, RETRY_ID, 0);
    wall += 365 * DAY_MS;
    expect(tokens.redeem(token, second, 1)?.isProof).toBe(true);
    wall -= 700 * DAY_MS;
    expect(tokens.redeem(token, second, 2)?.isProof).toBe(false);
  });
});

describe('used tokens', () => {
  const idOf = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff);

  test('[TOK-2] without room to remember one it is not good, until the oldest are too old anyway', () => {
    const used = new UsedTokens({ lifetimeMs: 1_000, maxTokens: 3, maxTokensPerAddress: 3 });
    for (let n = 0; n < 3; n++) expect(used.use(idOf(n), 'a', 0, n)).toBe(true);
    expect(used.use(idOf(3), 'b', 10, 20)).toBe(false);
    expect(used.use(idOf(3), 'b', 900, 1_001)).toBe(true);
    expect(used.size).toBe(3);
  });

  test('[TOK-2] who comes from one address again and again leaves the others room', () => {
    const used = new UsedTokens({ lifetimeMs: 1_000, maxTokens: 8, maxTokensPerAddress: 2 });
    const good = Array.from({ length: 10 }, (_, n) => used.use(idOf(n), 'a', 0, n)).filter(Boolean);
    expect(good).toHaveLength(2);
    expect(used.use(idOf(20), 'b', 0, 20)).toBe(true);
    // Its share comes back with time: the first use is forgotten, then the second.
    expect(used.use(idOf(30), 'a', 900, 1_001)).toBe(true);
    expect(used.use(idOf(31), 'a', 900, 1_001)).toBe(false);
    expect(used.use(idOf(31), 'a', 900, 1_002)).toBe(true);
  });

  test('[TOK-2] a sixteenth of the room is for one address: 1,024 by RETRY in 10 s', () => {
    const tokens = tokensOf();
    const come = (ip: string): boolean => {
      const remote = { ip, port: 4_000 };
      const token = tokens.forRetry({ ...first, remote }, RETRY_ID, 0);
      return tokens.redeem(token, { ...second, remote }, 0)?.isProof === true;
    };
    expect(Array.from({ length: 1_100 }, () => come('192.0.2.1')).filter(Boolean)).toHaveLength(1_024);
    expect(come('192.0.2.2')).toBe(true);
  });

  test('[TOK-2] each is good at most once, whatever comes between', () => {
    const uses = fc.array(fc.record({ id: fc.nat(20), wait: fc.nat(300) }), { maxLength: 200 });
    fc.assert(
      fc.property(uses, (list) => {
        const used = new UsedTokens({ lifetimeMs: 1_000, maxTokens: 8, maxTokensPerAddress: 6 });
        const good = new Set<number>();
        let time = 0;
        for (const { id, wait } of list) {
          time += wait;
          // All were issued at 0.
          const isGood = used.use(idOf(id), id % 2 === 0 ? 'a' : 'b', 0, time);
          expect(isGood && (good.has(id) || time > 1_000)).toBe(false);
          if (isGood) good.add(id);
          expect(used.size).toBeLessThanOrEqual(8);
        }
      }),
    );
  });
});
