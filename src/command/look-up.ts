/** What `udprpc list` and `udprpc describe` do: look up what a server, or a file, declares, and print it. */
import { printable } from '../base/printable.js';
import { describe as textOf } from '../dynamic/describe.js';
import { type ChannelFlags, type SchemaFlags } from './flags.js';
import { UsageError } from './run-command.js';
import { schemaByReflection, schemaOfFiles, type SchemaSource } from './schema-source.js';
import { showingFailures, withSession } from './session.js';
import { print } from './shown.js';

type Flags = ChannelFlags & SchemaFlags;

/** `args`: a target unless files are named, and a service. */
export async function list(args: readonly string[], flags: Flags, signal: AbortSignal): Promise<void> {
  await withSource(args, flags, signal, async (source, name) => {
    const names = name === undefined ? await source.serviceNames() : await methodNames(source, name);
    for (const each of names) await print(printable(each), signal);
  });
}

/** `args`: a target unless files are named, and a symbol. */
export async function describe(args: readonly string[], flags: Flags, signal: AbortSignal): Promise<void> {
  await withSource(args, flags, signal, async (source, name) => {
    const names = name === undefined ? await source.serviceNames() : [name];
    for (const [index, each] of names.entries()) {
      const symbol = (await source.schemaOf(each)).symbol(each);
      if (symbol === undefined) continue;
      if (index > 0) await print('', signal);
      await print(textOf(symbol), signal);
    }
  });
}

async function methodNames(source: SchemaSource, name: string): Promise<readonly string[]> {
  const service = (await source.schemaOf(name)).service(name);
  return service.methodsArray.map((method) => `${name}/${method.name}`);
}

async function withSource(
  args: readonly string[],
  flags: Flags,
  signal: AbortSignal,
  action: (source: SchemaSource, name: string | undefined) => Promise<void>,
): Promise<void> {
  const files = await showingFailures(signal, () => schemaOfFiles(flags));
  if (files !== undefined) {
    const [name, ...others] = args;
    if (others.length > 0) throw new UsageError('with --proto or --descriptors there is no TARGET');
    await showingFailures(signal, () => action(files, name));
    return;
  }
  const [target, name] = args;
  if (target === undefined) throw new UsageError('TARGET is missing: a server, or --proto or --descriptors');
  await withSession(target, flags, signal, (session) => action(schemaByReflection(session), name));
}
