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

  test('the same is sealed to other bytes each time', () => {
    const protection = tokenProtection(random, KEY);
    const seen = new Set(Array.from({ length: 100 }, () => String(protection.seal(SAID))));
    expect(seen.size).toBe(100);
  });
});
