import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { isKnownFrameType, isLegalIn } from '../../../../src/transport/wire/frame-type.js';

/** The table of PROTOCOL §6.1, by hand. */
const IN_BOTH = [0x00, 0x01, 0x02, 0x06, 0x1c];
const IN_PROTECTED_ONLY = [
  0x04, 0x05, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x18,
  0x19, 0x1a, 0x1b, 0x1d, 0x1e, 0x1f,
];
const ALL_TYPES = Array.from({ length: 256 }, (_, type) => type);

describe('frame types', () => {
  test('[FRM-3] each type is legal in the packets of the table and in no others', () => {
    const legalIn = (space: PacketSpace) => ALL_TYPES.filter((type) => isLegalIn(type, space));
    expect(legalIn(PacketSpace.HELLO)).toEqual(IN_BOTH);
    expect(legalIn(PacketSpace.PROTECTED)).toEqual([...IN_BOTH, ...IN_PROTECTED_ONLY].sort((a, b) => a - b));
  });

  test('[FRM-1] types outside of the table are unknown', () => {
    const known = ALL_TYPES.filter(isKnownFrameType);
    expect(known).toEqual([...IN_BOTH, ...IN_PROTECTED_ONLY].sort((a, b) => a - b));
  });
});
