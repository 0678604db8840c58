/** What a failed call is to Connect: a ConnectError with code, trailer and details; the RpcError is its `cause`. */
import { type Code, ConnectError } from '@connectrpc/connect';
import { Status as StatusMessage } from '../../generated/google/rpc/status.js';
import { Metadata, RpcError } from '../index.js';
import { fillHeaders } from './headers.js';

/** Errors of others pass as they are, as what a request's own iterable has thrown. */
export function connectErrorOf(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const metadata = new Headers();
  fillHeaders(metadata, withoutDetails(error.metadata));
  // The codes of both are those of gRPC.
  const code = error.code as unknown as Code;
  const made = new ConnectError(error.details, code, metadata, undefined, error);
  made.details = detailsOf(error.metadata);
  return made;
}

function withoutDetails(metadata: Metadata): Metadata {
  const rest = Metadata(metadata);
  rest.delete(STATUS_DETAILS_KEY);
  return rest;
}

/** None where they cannot be read: it runs where an error is on its way. */
function detailsOf(metadata: Metadata): ConnectError['details'] {
  const bytes = metadata.get(STATUS_DETAILS_KEY);
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    return StatusMessage.decode(bytes).details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
      value,
    }));
  } catch {
    return [];
  }
}

/** Under which a trailer has the bytes of a `google.rpc.Status`. */
const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
