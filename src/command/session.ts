/**
 * One run of a command that calls a server: its channel, and how its failures are said. The exit code is the status of the
 * call that failed; what is wrong with what was typed, or with a file that was named, is 64.
 */
import { CertificateError } from '../certificates/certificate-error.js';
import { DescriptorError } from '../dynamic/check-descriptors.js';
import { JsonError } from '../dynamic/json-codec.js';
import { SchemaError } from '../dynamic/schema.js';
import { type Channel, createChannel, RpcError, type RpcCallOptions, Status } from '../index.js';
import { ReflectionError } from '../reflection/reflection-client.js';
import { errorLine } from './error-line.js';
import { type ChannelFlags } from './flags.js';
import { FailureShown, USAGE_EXIT_CODE } from './run-command.js';
import { channelTls, inFlags, withFlags } from './tls-flags.js';

export interface Session {
  readonly target: string;
  readonly channel: Channel;
  /** What all its calls have in common. */
  readonly callOptions: RpcCallOptions & { readonly signal: AbortSignal };
}

/** Something that was typed, or a file that was named, is of no use. Its message is all there is to say. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Runs `action` and closes the channel; what fails is printed as one line. */
export async function withSession<T>(
  target: string,
  flags: ChannelFlags,
  signal: AbortSignal,
  action: (session: Session) => Promise<T>,
): Promise<T> {
  return showingFailures(signal, async () => {
    const tls = await channelTls(flags);
    const channel = await withFlags(() => createChannel(target, { tls, insecure: flags.insecure }));
    const timeoutMs = flags.timeout === undefined ? undefined : flags.timeout * 1_000;
    try {
      return await action({ target, channel, callOptions: { signal, timeoutMs } });
    } finally {
      await channel.close();
    }
  });
}

export async function showingFailures<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    signal.throwIfAborted();
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    process.stderr.write(`${inFlags(errorLine(error))}${hintFor(error)}\n`);
    throw new FailureShown(code);
  }
}

function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof RpcError || error instanceof ReflectionError) return error.code;
  if (error instanceof DescriptorError) return Status.INTERNAL;
  const isInput =
    error instanceof InputError ||
    error instanceof JsonError ||
    error instanceof SchemaError ||
    error instanceof CertificateError;
  return isInput ? USAGE_EXIT_CODE : undefined;
}

function hintFor(error: unknown): string {
  const isWithoutReflection =
    error instanceof RpcError &&
    error.code === Status.UNIMPLEMENTED &&
    error.path.startsWith('/grpc.reflection.');
  return isWithoutReflection ? ' (without reflection, name what it offers by --proto or --descriptors)' : '';
}
