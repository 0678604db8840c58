/**
 * What names a type of error details: a codec that knows its own name, as ts-proto makes them with
 * `outputTypeAnnotations`, or any codec with the name beside it. Details travel in `google.protobuf.Any`, which has that
 * name at the end of a URL.
 */
import { type Any } from '../../generated/google/protobuf/any.js';
import { MessageEncoder } from '../rpc/message-encoder.js';
import { type MessageCodec, type MessageInit, type MessageOf } from '../rpc/service-definition.js';

/** `BadRequest`, or `{ typeName: 'google.rpc.BadRequest', codec }` for codecs without `$type`. */
export type DetailType =
  (MessageCodec & { readonly $type: string }) | { readonly typeName: string; readonly codec: MessageCodec };

type CodecOf<Type extends DetailType> = Type extends { readonly codec: infer Codec extends MessageCodec }
  ? Codec
  : Type extends MessageCodec
    ? Type
    : never;

/** What `findDetails` gives. */
export type DetailOf<Type extends DetailType> = MessageOf<CodecOf<Type>>;

/** What `packDetail` takes: a partial plain object, where the codec can fill the rest. */
export type DetailInit<Type extends DetailType> = MessageInit<CodecOf<Type>>;

/** A detail, ready to be sent: `packDetail(RetryInfo, { retryDelay: { seconds: 2n } })`. Throws what the codec throws. */
export function packDetail<Type extends DetailType>(type: Type, detail: DetailInit<Type>): Any {
  return {
    typeUrl: `${URL_PREFIX}${typeNameOf(type)}`,
    value: new MessageEncoder(codecOf(type)).encodeWhole(detail),
  };
}

/** Undefined when it is of another type. Throws what the codec throws. */
export function unpackDetail<Type extends DetailType>(type: Type, packed: Any): DetailOf<Type> | undefined {
  if (!packed.typeUrl.endsWith(`/${typeNameOf(type)}`)) return undefined;
  return codecOf(type).decode(packed.value) as DetailOf<Type>;
}

/** `google.rpc.BadRequest`. */
export function typeNameOf(type: DetailType): string {
  return '$type' in type ? type.$type : type.typeName;
}

function codecOf(type: DetailType): MessageCodec {
  return 'codec' in type ? type.codec : type;
}

const URL_PREFIX = 'type.googleapis.com/';
