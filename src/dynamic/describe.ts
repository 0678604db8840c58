/** What is known of a symbol, written as its `.proto` would have it, with all types by their full names. */
import protobuf from 'protobufjs';
import { fullNameOf, idempotencyOf } from './load-root.js';
import { type SchemaSymbol } from './schema.js';

/** Several lines, without an end of line at the end. */
export function describe(symbol: SchemaSymbol): string {
  return linesOf(symbol, fullNameOf(symbol)).join('\n');
}

function linesOf(symbol: SchemaSymbol, name: string): string[] {
  if (symbol instanceof protobuf.Method) return methodLines(symbol);
  if (symbol instanceof protobuf.Service)
    return block(`service ${name}`, symbol.methodsArray.flatMap(methodLines));
  if (symbol instanceof protobuf.Enum) return block(`enum ${name}`, valueLines(symbol));
  return block(`message ${name}`, [...fieldLines(symbol), ...nestedLines(symbol)]);
}

function block(head: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [`${head} {}`] : [`${head} {`, ...lines.map((line) => `  ${line}`), '}'];
}

function methodLines(method: protobuf.Method): string[] {
  const { resolvedRequestType, resolvedResponseType, requestStream, responseStream } = method;
  const request = streamed(requestStream === true, nameOf(resolvedRequestType, method.requestType));
  const response = streamed(responseStream === true, nameOf(resolvedResponseType, method.responseType));
  const head = `rpc ${method.name}(${request}) returns (${response})`;
  const level = idempotencyOf(method);
  return level === undefined ? [`${head};`] : block(head, [`option idempotency_level = ${level};`]);
}

function streamed(isStream: boolean, name: string): string {
  return isStream ? `stream ${name}` : name;
}

function valueLines(symbol: protobuf.Enum): string[] {
  return Object.entries(symbol.values).map(([name, value]) => `${name} = ${value};`);
}

function fieldLines(type: protobuf.Type): string[] {
  const lines: string[] = [];
  const done = new Set<protobuf.OneOf>();
  for (const field of type.fieldsArray) {
    const choice = isOptional(field) ? null : field.partOf;
    if (choice === null) lines.push(fieldLine(field));
    else if (!done.has(choice)) {
      done.add(choice);
      lines.push(...block(`oneof ${choice.name}`, choice.fieldsArray.map(fieldLine)));
    }
  }
  return lines;
}

function fieldLine(field: protobuf.Field): string {
  field.resolve();
  const type = nameOf(field.resolvedType, field.type);
  const rule = field.repeated
    ? 'repeated '
    : field.required
      ? 'required '
      : isOptional(field)
        ? 'optional '
        : '';
  const shape = field instanceof protobuf.MapField ? `map<${field.keyType}, ${type}>` : `${rule}${type}`;
  return `${shape} ${field.protoName} = ${field.id};`;
}

/** In its descriptor such a field is the only one of a oneof. */
function isOptional(field: protobuf.Field): boolean {
  return field.options?.['proto3_optional'] === true;
}

function nestedLines(type: protobuf.Type): string[] {
  return type.nestedArray.flatMap((nested) =>
    nested instanceof protobuf.Type || nested instanceof protobuf.Enum ? linesOf(nested, nested.name) : [],
  );
}

function nameOf(resolved: protobuf.ReflectionObject | null, name: string): string {
  return resolved === null ? name : fullNameOf(resolved);
}
