import fc from 'fast-check';
import { Status } from 'nice-grpc-common';
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  parseGrpcStatus,
  resetName,
  statusOfHttp,
  statusOfReset,
} from '../../../src/gateway/grpc-status.js';

describe('grpc-message', () => {
  test.each([
    ['plain text, as it is!', 'plain text, as it is!'],
    ['100 %', '100 %25'],
    ['line\nend', 'line%0Aend'],
    ['größer als 3 €', 'gr%C3%B6%C3%9Fer als 3 %E2%82%AC'],
    ['', ''],
  ])('%j is %s', (text, encoded) => {
    expect(encodeGrpcMessage(text)).toBe(encoded);
    expect(decodeGrpcMessage(encoded)).toBe(text);
  });

  test('comes out as it went in, and is printable on the way', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeGrpcMessage(text);
        expect(encoded).toMatch(/^[ -~]*$/);
        expect(decodeGrpcMessage(encoded)).toBe(text);
      }),
    );
  });

  test.each([
    ['50% done', '50% done'],
    ['%', '%'],
    ['%4', '%4'],
    ['%zz%41', '%zzA'],
  ])('of a peer that does not encode, %j, is taken as it is', (received, text) => {
    expect(decodeGrpcMessage(received)).toBe(text);
  });

  test('that is no UTF-8 is no reason to fail', () => {
    expect(decodeGrpcMessage('%FF!')).toBe('\uFFFD!');
  });
});

test.each([
  ['0', Status.OK],
  ['5', Status.NOT_FOUND],
  ['16', Status.UNAUTHENTICATED],
  ['17', Status.UNKNOWN],
  ['99', Status.UNKNOWN],
  ['-1', Status.UNKNOWN],
  ['', Status.UNKNOWN],
  ['OK', Status.UNKNOWN],
  ['toString', Status.UNKNOWN],
])('grpc-status %j is %s', (text, code) => {
  expect(parseGrpcStatus(text)).toBe(code);
});

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
test.each([
  [400, Status.INTERNAL],
  [401, Status.UNAUTHENTICATED],
  [403, Status.PERMISSION_DENIED],
  [404, Status.UNIMPLEMENTED],
  [429, Status.UNAVAILABLE],
  [502, Status.UNAVAILABLE],
  [503, Status.UNAVAILABLE],
  [504, Status.UNAVAILABLE],
  [200, Status.UNKNOWN],
  [500, Status.UNKNOWN],
  [NaN, Status.UNKNOWN],
])('HTTP status %d is %s', (httpStatus, code) => {
  expect(statusOfHttp(httpStatus)).toBe(code);
});

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Errors". */
test.each([
  [0, 'NO_ERROR', Status.INTERNAL],
  [1, 'PROTOCOL_ERROR', Status.INTERNAL],
  [2, 'INTERNAL_ERROR', Status.INTERNAL],
  [3, 'FLOW_CONTROL_ERROR', Status.INTERNAL],
  [4, 'SETTINGS_TIMEOUT', Status.INTERNAL],
  [6, 'FRAME_SIZE_ERROR', Status.INTERNAL],
  [7, 'REFUSED_STREAM', Status.UNAVAILABLE],
  [8, 'CANCEL', Status.CANCELLED],
  [9, 'COMPRESSION_ERROR', Status.INTERNAL],
  [10, 'CONNECT_ERROR', Status.INTERNAL],
  [11, 'ENHANCE_YOUR_CALM', Status.RESOURCE_EXHAUSTED],
  [12, 'INADEQUATE_SECURITY', Status.PERMISSION_DENIED],
  [99, 'code 99', Status.INTERNAL],
])('RST_STREAM %d, %s, is %s', (code, name, status) => {
  expect([resetName(code), statusOfReset(code)]).toEqual([name, status]);
});
