import { ProtocolVersion, isBuiltVersion } from '../../../../src/transport/wire/version.js';

test('[VER-2] the first versions of plaintext and of TLS are built, and no others', () => {
  expect([ProtocolVersion.PLAINTEXT, ProtocolVersion.TLS]).toEqual([0x75700001, 0x75730001]);
  expect([ProtocolVersion.PLAINTEXT, ProtocolVersion.TLS].map(isBuiltVersion)).toEqual([true, true]);
  expect([ProtocolVersion.NEGOTIATION, 0x75700002, 0x75730002].map(isBuiltVersion)).toEqual([
    false,
    false,
    false,
  ]);
});
