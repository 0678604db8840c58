/**
 * What ends a connection, in words for both sides. `TransportErrorCode` values travel in CLOSE frames
 * [ERR-1] (PROTOCOL §9); names follow RFC 9000 §20.1 where the meaning is the same.
 */
export const TransportErrorCode = {
  NO_ERROR: 0x00,
  INTERNAL_ERROR: 0x01,
  CONNECTION_REFUSED: 0x02,
  FLOW_CONTROL_ERROR: 0x03,
  STREAM_LIMIT_ERROR: 0x04,
  STREAM_STATE_ERROR: 0x05,
  FINAL_SIZE_ERROR: 0x06,
  FRAME_ENCODING_ERROR: 0x07,
  TRANSPORT_PARAMETER_ERROR: 0x08,
  CONNECTION_ID_LIMIT_ERROR: 0x09,
  PROTOCOL_VIOLATION: 0x0a,
  HANDSHAKE_BUFFER_EXCEEDED: 0x0d,
  HANDSHAKE_FAILED: 0x0e,
  UNAUTHENTICATED: 0x0f,
  RESOURCE_LIMIT: 0x10,
  KEY_UPDATE_ERROR: 0x11,
  AEAD_LIMIT_REACHED: 0x12,
} as const;

export type TransportErrorCode = (typeof TransportErrorCode)[keyof typeof TransportErrorCode];

/** The peer broke the protocol, or we cannot go on: caught by the connection, which closes with this code. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** How a connection ended. Every open stream of it is told this, once. */
export interface ConnectionClosed {
  readonly by: 'local' | 'peer' | 'idle' | 'handshakeTimeout' | 'refused' | 'versionMismatch' | 'reset';
  /** A TransportErrorCode, or the code the application gave to `close` when `isApplication`. */
  readonly code: number;
  readonly isApplication: boolean;
  /** One line for a person. */
  readonly reason: string;
  /** Certainly nothing was started of what was sent on it [HSK-12] [HSK-13]. */
  readonly notStarted?: boolean;
}
