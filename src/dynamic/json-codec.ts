/**
 * Messages as canonical JSON (https://protobuf.dev/programming-guides/json/): 64-bit integers as strings, bytes as base64, enums by
 * name, well-known types in their own forms. protobufjs converts; here is what it is not helpful about: a field that does
 * not exist is named with the message that lacks it and with what was probably meant.
 */
import protobuf from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import { type MessageCodec, type MethodDefinition } from '../index.js';
import { didYouMean } from './closest-name.js';
import { fullNameOf, idempotencyOf } from './load-root.js';

/** A JSON value that does not fit its message: says which field, and why. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** A method whose requests come from `messageOfJson` and whose responses are JSON values. */
export function jsonMethod(method: protobuf.Method): MethodDefinition {
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (request === null || response === null) throw new Error('udprpc: a method of a schema has its types');
  return {
    name: method.name,
    requestType: jsonCodec(request),
    requestStream: method.requestStream === true,
    responseType: jsonCodec(response),
    responseStream: method.responseStream === true,
    options: { idempotencyLevel: idempotencyOf(method) },
  };
}

/** `text`: one JSON value. Throws JsonError. */
export function messageOfJson(type: protobuf.Type, text: string): protobuf.Message {
  try {
    checkFields(type, JSON.parse(text), 0);
    return protojson.fromJsonString(type, withLargeIntegersAsStrings(text));
  } catch (error) {
    if (error instanceof JsonError) throw error;
    const reason = reasonOf(error);
    const isSyntax = error instanceof SyntaxError;
    throw new JsonError(isSyntax ? `this is not JSON: ${excerpt(text)} (${reason})` : reason, {
      cause: error,
    });
  }
}

function jsonCodec(type: protobuf.Type): MessageCodec {
  return {
    encode: (message: protobuf.Message) => type.encode(message),
    decode: (bytes: Uint8Array): unknown => {
      try {
        return protojson.toJson(type, type.decode(bytes));
      } catch (error) {
        throw new JsonError(`a ${fullNameOf(type)} cannot be shown as JSON: ${reasonOf(error)}`, {
          cause: error,
        });
      }
    },
  };
}

/** Deeper than protobufjs goes is left to it. */
function checkFields(type: protobuf.Type, json: unknown, depth: number): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  if (depth > protobuf.util.recursionLimit || type.fullName.startsWith('.google.protobuf.')) return;
  const fields = new Map<string, protobuf.Field>();
  for (const field of type.fieldsArray) {
    for (const name of [field.name, field.protoName, field.jsonName]) fields.set(name, field);
  }
  for (const [name, value] of Object.entries(json)) {
    const field = fields.get(name)?.resolve();
    if (field === undefined) throw unknownField(type, name);
    const inner = field.resolvedType;
    const isMany = (field.map || field.repeated) && typeof value === 'object' && value !== null;
    for (const item of isMany ? Object.values(value as object) : [value]) {
      if (inner instanceof protobuf.Type) checkFields(inner, item, depth + 1);
      else if (inner instanceof protobuf.Enum) checkValue(inner, item);
    }
  }
}

function checkValue(type: protobuf.Enum, json: unknown): void {
  const names = Object.keys(type.values);
  if (typeof json !== 'string' || names.includes(json)) return;
  const hint = didYouMean(json, names, 'It has');
  throw new JsonError(`${fullNameOf(type)} has no value ${JSON.stringify(json)}${hint}`);
}

function unknownField(type: protobuf.Type, name: string): JsonError {
  const names = type.fieldsArray.map((field) => field.protoName);
  const known = names.length === 0 ? ': it has none' : didYouMean(name, names, 'It has');
  return new JsonError(`${fullNameOf(type)} has no field ${JSON.stringify(name)}${known}`);
}

function reasonOf(error: unknown): string {
  // protobufjs writes full names with a dot before them.
  return (error instanceof Error ? error.message : String(error)).replace(/^\./, '');
}

function excerpt(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** JSON.parse would round them; canonical JSON takes them as strings too. `text`: valid JSON. */
function withLargeIntegersAsStrings(text: string): string {
  return text.replace(STRING_OR_INTEGER, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
  );
}

const STRING_OR_INTEGER = /"(?:[^"\\]+|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
