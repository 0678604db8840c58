/** The options that several commands have, and how they are read. Light: what works with them is loaded when a command runs. */
import { type Command, InvalidArgumentError } from 'commander';
import { type ChannelTlsFlags } from './tls-flags.js';

export interface ChannelFlags extends ChannelTlsFlags {
  readonly insecure?: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

export interface SchemaFlags {
  readonly proto?: readonly string[];
  readonly include?: readonly string[];
  readonly descriptors?: string;
}

export const TARGET_HELP = '[udp://|udps://]host[:port] of the server, port 5005';

export function addChannelFlags(command: Command): Command {
  return command
    .option('--timeout <S>', 'give up after so many seconds', parseSeconds)
    .option('--fingerprint <FP>', 'trust the server by the SHA-256 of its certificate')
    .option('--ca <F>', 'trust the servers of this authority (PEM)')
    .option('--cert <F>', 'show this certificate to the server (PEM)')
    .option('--key <F>', 'the key of --cert (PEM)')
    .option('--insecure', 'call without encryption also beyond this machine');
}

export function addSchemaFlags(command: Command): Command {
  return command
    .option('--proto <F>', 'know services by this .proto file; may be repeated', collect)
    .option('-I, --include <DIR>', 'where .proto files are looked for; may be repeated', collect)
    .option('--descriptors <F>', 'know services by this descriptor set');
}

export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function parseSeconds(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds above 0.');
  }
  return seconds;
}

export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(count > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return count;
}
