/** Messages of Connect's clients, which are those of `@bufbuild/protobuf`, to bytes and back. */
import { Code, ConnectError } from '@connectrpc/connect';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** Throws ConnectError. */
export function encodeMessage<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Uint8Array {
  try {
    return toBinary(desc, message);
  } catch (error) {
    throw internal(`cannot encode ${desc.typeName}`, error);
  }
}

/** Throws ConnectError. */
export function decodeMessage<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw internal(`cannot decode ${desc.typeName}`, error);
  }
}

function internal(what: string, cause: unknown): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConnectError(`${what}: ${reason}`, Code.Internal, undefined, undefined, cause);
}
