/**
 * How a call ended, in the words of gRPC over HTTP/2: `grpc-status` and the percent-encoded `grpc-message`, and what stands for
 * them where a peer did not get that far, an HTTP status or the code of an RST_STREAM. Pure.
 */
import { constants } from 'node:http2';
import { ServerError, Status } from 'nice-grpc-common';

/** What the gateway itself says of a call, or has heard of it. */
export class GatewayError extends ServerError {
  /** The other side certainly started nothing of it. The server of UDP calls takes it from here. */
  readonly notStarted: boolean;

  constructor(code: Status, details: string, notStarted = false) {
    super(code, details);
    this.name = 'GatewayError';
    this.notStarted = notStarted;
  }
}

/** A code that gRPC does not have is UNKNOWN, as is one that is no number. */
export function parseGrpcStatus(text: string): Status {
  return /^\d{1,2}$/.test(text) ? (STATUSES[Number(text)] ?? Status.UNKNOWN) : Status.UNKNOWN;
}

/** Percent-encodes all but printable ASCII, and `%` itself. */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** What is no percent-encoding stays as it is: a message for people is never a reason to fail. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes('%')) return text;
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const hex =
      text[index] === '%' ? /^[0-9a-fA-F]{2}/.exec(text.slice(index + 1, index + 3))?.[0] : undefined;
    if (hex === undefined) {
      bytes.push(text.charCodeAt(index) & 0xff);
    } else {
      bytes.push(parseInt(hex, 16));
      index += 2;
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** For an answer that is not of gRPC ("HTTP to gRPC Status Code Mapping"). */
export function statusOfHttp(httpStatus: number): Status {
  return HTTP_STATUSES.get(httpStatus) ?? Status.UNKNOWN;
}

/** For a stream that its server has reset ("HTTP2 Transport Mapping, Errors"). */
export function statusOfReset(code: number): Status {
  return RESET_STATUSES.get(code) ?? Status.INTERNAL;
}

/** `REFUSED_STREAM` of 7. */
export function resetName(code: number): string {
  return RESET_NAMES.get(code) ?? `code ${code}`;
}

/** By code: they are numbered from 0 without a gap. */
const STATUSES = Object.values(Status).filter((value) => typeof value === 'number');

const HTTP_STATUSES = new Map<number, Status>([
  [400, Status.INTERNAL],
  [401, Status.UNAUTHENTICATED],
  [403, Status.PERMISSION_DENIED],
  [404, Status.UNIMPLEMENTED],
  [429, Status.UNAVAILABLE],
  [502, Status.UNAVAILABLE],
  [503, Status.UNAVAILABLE],
  [504, Status.UNAVAILABLE],
]);

/** All others are INTERNAL. */
const RESET_STATUSES = new Map<number, Status>([
  [constants.NGHTTP2_REFUSED_STREAM, Status.UNAVAILABLE],
  [constants.NGHTTP2_CANCEL, Status.CANCELLED],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, Status.RESOURCE_EXHAUSTED],
  [constants.NGHTTP2_INADEQUATE_SECURITY, Status.PERMISSION_DENIED],
]);

const RESET_NAMES = new Map<number, string>(
  [
    'NO_ERROR',
    'PROTOCOL_ERROR',
    'INTERNAL_ERROR',
    'FLOW_CONTROL_ERROR',
    'SETTINGS_TIMEOUT',
    'STREAM_CLOSED',
    'FRAME_SIZE_ERROR',
    'REFUSED_STREAM',
    'CANCEL',
    'COMPRESSION_ERROR',
    'CONNECT_ERROR',
    'ENHANCE_YOUR_CALM',
    'INADEQUATE_SECURITY',
    'HTTP_1_1_REQUIRED',
  ].map((name, code) => [code, name]),
);
