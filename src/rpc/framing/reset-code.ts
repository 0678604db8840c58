/**
 * The codes with which a call's stream is reset or stopped, on the wire [RPC-8]. Values never change their
 * meaning; a code that this version does not know says no more than INTERNAL.
 */
export const ResetCode = {
  /** Nobody waits for the answer any more. */
  CANCELLED: 0,
  /** The receiver never started the call: it may be sent again, wherever and whatever it is. */
  REFUSED: 1,
  /** What was received is not the RPC stream format. */
  MALFORMED: 2,
  /** The call's time is over. */
  DEADLINE: 3,
  INTERNAL: 4,
  /** A message or a header is above the receiver's limit. */
  TOO_LARGE: 5,
} as const;

export type ResetCode = (typeof ResetCode)[keyof typeof ResetCode];

/** The codes with which the rpc floor closes a connection. */
export const CloseCode = {
  NO_ERROR: 0,
  /** The server is going down: what it has not started will not start. */
  SHUTDOWN: 1,
  /** The client makes calls only to cancel them. */
  CANCEL_FLOOD: 2,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
