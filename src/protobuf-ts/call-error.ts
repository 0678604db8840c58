/**
 * What a failed call is to clients of protobuf-ts: their RpcError with the name of the status, the trailer as `meta`, and
 * udprpc's RpcError as its `cause`.
 */
import { type MethodInfo, RpcError as ProtobufTsError } from '@protobuf-ts/runtime-rpc';
import { RpcError, Status } from '../index.js';
import { metaOf } from './meta.js';

export function callErrorOf({ service, name }: MethodInfo, error: unknown): ProtobufTsError {
  const made = error instanceof ProtobufTsError ? error : ofCause(error);
  made.serviceName = service.typeName;
  made.methodName = name;
  return made;
}

function ofCause(cause: unknown): ProtobufTsError {
  const made =
    cause instanceof RpcError
      ? new ProtobufTsError(cause.details, Status[cause.code], metaOf(cause.metadata))
      : new ProtobufTsError(cause instanceof Error ? cause.message : String(cause), 'INTERNAL');
  return Object.assign(made, { cause });
}
