/** `.proto` files and what they import, parsed by protobufjs; and what is read of its objects, wherever they are from. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import protobuf from 'protobufjs';
import { type IdempotencyLevel } from '../index.js';

/** Where `.proto` files are. */
export interface LoadOptions {
  /** Where imports are looked for, in this order. Default: the current folder. */
  readonly includeDirs?: readonly string[] | undefined;
}

/** Rejects with a message that names the files and what is wrong with them: not there, or not valid. */
export async function loadRoot(
  files: readonly string[],
  options: LoadOptions,
  { keepCase }: { readonly keepCase: boolean },
): Promise<protobuf.Root> {
  const includeDirs = options.includeDirs ?? ['.'];
  const root = new protobuf.Root();
  root.resolvePath = (_origin, path) => resolveImport(path, includeDirs);
  try {
    await root.load([...files], { keepCase });
    root.resolveAll();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot load ${files.join(', ')}: ${reason}`, { cause: error });
  }
  return root;
}

export function* servicesOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Service> {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Service) yield nested;
    else if (nested instanceof protobuf.Namespace) yield* servicesOf(nested);
  }
}

/** Without the leading dot that protobufjs writes. */
export function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

/** What the `.proto` says of running it twice. */
export function idempotencyOf(method: protobuf.Method): IdempotencyLevel | undefined {
  const level: unknown = method.options?.['idempotency_level'] ?? method.options?.['idempotencyLevel'];
  return level === 'NO_SIDE_EFFECTS' || level === 'IDEMPOTENT' ? level : undefined;
}

/** Undefined for the well-known types that protobufjs brings along. */
function resolveImport(path: string, includeDirs: readonly string[]): string | null {
  if (isAbsolute(path)) return path;
  const found = includeDirs.map((folder) => join(folder, path)).find((candidate) => existsSync(candidate));
  return found ?? path;
}
