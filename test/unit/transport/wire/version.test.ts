import { ProtocolVersion, isBuiltVersion } from '../../../../src/transport/wire/version.js';

test('[VER-2] only the plaintext version is built; the number of TLS is reserved', () => {
  expect(isBuiltVersion(0x75700001)).toBe(true);
  expect([ProtocolVersion.TLS, isBuiltVersion(ProtocolVersion.TLS)]).toEqual([0x75730001, false]);
  expect(isBuiltVersion(ProtocolVersion.NEGOTIATION)).toBe(false);
});
