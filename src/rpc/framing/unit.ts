/**
 * The parts of a call's stream (PROTOCOL, RPC): a sequence of units, each a type byte, the body's length as a varint,
 * and the body. Client: HEADER, MESSAGE*, end. Server: HEADER (may be left out when it says nothing), MESSAGE*,
 * TRAILER, end. GO_AWAY stands alone, on a stream that a server opens.
 */
export const UnitType = { HEADER: 0x01, MESSAGE: 0x02, TRAILER: 0x03, GO_AWAY: 0x04 } as const;

export type UnitType = (typeof UnitType)[keyof typeof UnitType];

/** Those of a call. */
export type CallUnitType = Exclude<UnitType, typeof UnitType.GO_AWAY>;

export interface Unit {
  readonly type: CallUnitType;
  /** Plain `Uint8Array`, never a Buffer; it belongs to whoever took the unit. */
  readonly body: Uint8Array;
}

/** A varint (RFC 9000 §16) is at most this long. */
export const MAX_VARINT_BYTES = 8;

/** A header or trailer is written with a two-byte length, which is its limit for every peer. */
export const MAX_FIELDS_BYTES = 16_383;

/** The details of a trailer, cut by whoever writes them. */
export const MAX_DETAILS_BYTES = 4_096;

export const DEFAULT_MAX_MESSAGE_BYTES = 4_194_304;

export function isUnitType(value: number): value is CallUnitType {
  return value === UnitType.HEADER || value === UnitType.MESSAGE || value === UnitType.TRAILER;
}
