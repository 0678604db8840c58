/** Messages of protobuf-ts to bytes and back, with the `binaryOptions` of the call, and with errors that say which message. */
import { type MethodInfo, RpcError, type RpcOptions } from '@protobuf-ts/runtime-rpc';

/** Throws RpcError. */
export function encodeRequest<I extends object>(
  { I: type }: MethodInfo<I>,
  message: I,
  { binaryOptions }: RpcOptions,
): Uint8Array {
  try {
    return type.toBinary(message, binaryOptions);
  } catch (error) {
    throw internal(`cannot encode ${type.typeName}`, error);
  }
}

/** Throws RpcError. */
export function decodeResponse<O extends object>(
  { O: type }: MethodInfo<object, O>,
  bytes: Uint8Array,
  { binaryOptions }: RpcOptions,
): O {
  try {
    return type.fromBinary(bytes, binaryOptions);
  } catch (error) {
    throw internal(`cannot decode ${type.typeName}`, error);
  }
}

function internal(what: string, cause: unknown): RpcError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return Object.assign(new RpcError(`${what}: ${reason}`, 'INTERNAL'), { cause });
}
