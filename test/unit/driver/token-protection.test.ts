import { RealRandom } from '../../../src/driver/real-random.js';
import { tokenProtection } from '../../../src/driver/token-protection.js';

const random = new RealRandom();
const KEY = new Uint8Array(32).fill(3);
const SAID = Uint8Array.from({ length: 40 }, (_, index) => index);

describe('the protection of tokens', () => {
  test('who has the key knows its tokens again, in another process too; nobody else does', () => {
    const token = tokenProtection(random, KEY).seal(SAID);
    expect(tokenProtection(random, KEY.slice()).open(token)).toEqual(SAID);
    expect(tokenProtection(random, new Uint8Array(32)).open(token)).toBeUndefined();
    expect(tokenProtection(random).open(token)).toBeUndefined();
  });

  test('[TOK-1] any byte that is changed, missing or more makes it none; and it does not show what it says', () => {
    const protection = tokenProtection(random, KEY);
    const token = protection.seal(SAID);
    for (let index = 0; index < token.length; index++) {
      const changed = token.slice();
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(protection.open(changed)).toBeUndefined();
      expect(protection.open(token.subarray(0, index))).toBeUndefined();
    }
    expect(protection.open(Uint8Array.from([...token, 0]))).toBeUndefined();
    expect(Buffer.from(token).includes(Buffer.from(SAID.subarray(0, 8)))).toBe(false);
  });

  test('[TOK-1] the same is sealed to other bytes each time, under a number or a salt that never comes twice', () => {
    const heads = new Set<string>();
    const bodies = new Set<string>();
    for (const protection of [tokenProtection(random, KEY), tokenProtection(random, KEY)]) {
      for (let i = 0; i < 100; i++) {
        const token = protection.seal(SAID);
        heads.add(String(token.subarray(0, 16)));
        bodies.add(String(token.subarray(16)));
      }
    }
    expect([heads.size, bodies.size]).toEqual([200, 200]);
  });

  test('tokens of several processes open in any order', () => {
    const tokens = Array.from({ length: 3 }, () => tokenProtection(random, KEY)).flatMap((protection) =>
      Array.from({ length: 3 }, () => protection.seal(SAID)),
    );
    const reader = tokenProtection(random, KEY);
    for (const index of [0, 3, 6, 1, 4, 7, 8, 5, 2]) {
      expect(reader.open(tokens[index] ?? SAID)).toEqual(SAID);
    }
  });
});
