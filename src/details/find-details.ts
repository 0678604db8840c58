/**
 * A caller's way to the details of an error: out of the trailer's metadata, where RpcError and other errors with
 * `metadata` have them, or out of `extra`, where nice-grpc-error-details' RichClientError keeps what it decoded. It runs
 * in catch blocks, so it never throws: what cannot be read is not there.
 */
import { Any } from '../../generated/google/protobuf/any.js';
import { Status } from '../../generated/google/rpc/status.js';
import { STATUS_DETAILS_KEY } from '../rpc/framing/metadata-codec.js';
import { type DetailOf, type DetailType, typeNameOf, unpackDetail } from './detail-type.js';

/**
 * All details of `type`, in the order in which the server gave them; empty when there are none, or when `error` is
 * no error of a call: `const [retry] = findDetails(error, RetryInfo)`.
 */
export function findDetails<Type extends DetailType>(error: unknown, type: Type): DetailOf<Type>[] {
  if (typeof error !== 'object' || error === null) return [];
  const { extra, metadata } = error as { extra?: unknown; metadata?: unknown };
  if (Array.isArray(extra)) return extra.flatMap((detail) => asType(type, detail));
  return packedIn(metadata).flatMap((packed) => unpacked(type, packed));
}

function packedIn(metadata: unknown): readonly Any[] {
  const bytes = hasGet(metadata) ? metadata.get(STATUS_DETAILS_KEY) : undefined;
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    return Status.decode(bytes).details;
  } catch {
    return [];
  }
}

/** What RichClientError has: messages that say their type, and an Any for each type that it does not know. */
function asType<Type extends DetailType>(type: Type, detail: unknown): DetailOf<Type>[] {
  if (typeof detail !== 'object' || detail === null || !('$type' in detail)) return [];
  if (detail.$type === typeNameOf(type)) return [detail as DetailOf<Type>];
  return detail.$type === Any.$type ? unpacked(type, detail as unknown as Any) : [];
}

function unpacked<Type extends DetailType>(type: Type, packed: Any): DetailOf<Type>[] {
  try {
    const detail = unpackDetail(type, packed);
    return detail === undefined ? [] : [detail];
  } catch {
    return [];
  }
}

function hasGet(value: unknown): value is { get(key: string): unknown } {
  return typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
}
