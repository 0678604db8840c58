/** Page tokens: what was given comes back, and nothing else does. */
import fc from 'fast-check';
import { decodePageToken, encodePageToken } from '../../../src/images/page-token.js';

test('gives back the last name, for the same prefix', () => {
  expect(decodePageToken(encodePageToken('', 'a/b.png'), '')).toBe('a/b.png');
  expect(decodePageToken(encodePageToken('a/', 'a/ü.png'), 'a/')).toBe('a/ü.png');
});

test('a token of another prefix is refused', () => {
  expect(() => decodePageToken(encodePageToken('a', 'a.png'), '')).toThrow(
    /INVALID_ARGUMENT.*another prefix/,
  );
});

test.each([
  ['garbage', 'garbage'],
  ['nothing in base64', '===='],
  ['an object', Buffer.from('{}').toString('base64url')],
  ['another version', Buffer.from('[2,"","a.png"]').toString('base64url')],
  ['a name that is none', Buffer.from('[1,"","../a.png"]').toString('base64url')],
  ['a name that is not text', Buffer.from('[1,"",7]').toString('base64url')],
  ['padding added', `${encodePageToken('', 'a.png')}=`],
  ['a very long one', 'A'.repeat(1_000_000)],
])('%s is INVALID_ARGUMENT', (_, token) => {
  expect(() => decodePageToken(token, '')).toThrow('INVALID_ARGUMENT');
});

test('a name outside of the prefix is INVALID_ARGUMENT', () => {
  expect(() => decodePageToken(encodePageToken('a', 'b.png'), 'a')).toThrow('INVALID_ARGUMENT');
});

test('text at random is INVALID_ARGUMENT', () => {
  fc.assert(
    fc.property(fc.string(), (token) => {
      expect(() => decodePageToken(token, '')).toThrow('INVALID_ARGUMENT');
    }),
  );
});
