import {
  bytesInFlightFor,
  isLoopback,
  largestDatagramFor,
  largestDatagramTo,
} from '../../../../src/transport/path/datagram-limits.js';

test.each([
  ['127.0.0.1', 65_507],
  ['127.8.9.10', 65_507],
  ['::1', 65_488],
  ['::ffff:127.0.0.1', 65_488],
  ['::ffff:7f00:1', 65_488],
  ['10.0.0.1', 1_452],
  ['128.0.0.1', 1_452],
  ['1.127.0.1', 1_452],
  ['::11', 1_452],
  ['fe80::1%eth0', 1_452],
  ['::ffff:7f', 1_452],
])('[MTU-2] towards %s at most %i bytes are tried', (ip, bytes) => {
  expect(largestDatagramTo(ip)).toBe(bytes);
  expect(isLoopback(ip)).toBe(bytes !== 1_452);
});

test('[CON-4] a quarter of the receive buffer may be in flight, of an unknown one of what Linux gives', () => {
  expect(bytesInFlightFor(8 << 20)).toBe(2 << 20);
  expect(bytesInFlightFor(undefined)).toBe(212_992 / 4);
});

test('[MTU-3] four datagrams fit into that, and never does a small buffer forbid what Ethernet carries', () => {
  expect(largestDatagramFor(8 << 20)).toBe(1 << 19);
  expect(largestDatagramFor(undefined)).toBe(13_312);
  expect(largestDatagramFor(8_000)).toBe(1_452);
});
