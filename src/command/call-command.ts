/** `udprpc call`: any method of any server, JSON in and JSON out. */
import { Command } from 'commander';
import {
  addChannelFlags,
  addSchemaFlags,
  type ChannelFlags,
  collect,
  type SchemaFlags,
  TARGET_HELP,
} from './flags.js';
import { type Subcommand } from './run-command.js';

export interface CallFlags extends ChannelFlags, SchemaFlags {
  readonly data?: string;
  readonly header?: readonly string[];
  readonly verbose?: boolean;
}

export function callCommand(): Subcommand {
  const command = new Command('call')
    .summary('call a method: JSON in, JSON out')
    .description(
      'Calls a method: JSON in, JSON out, one value for each message. The exit code is\nthe status of the call, and 64 where it was not made.',
    )
    .argument('<TARGET>', TARGET_HELP)
    .argument('<METHOD>', 'SERVICE/METHOD, by full names')
    .option('-d, --data <JSON>', 'the request, or several in a row; @: from stdin')
    .option('-H, --header <H>', 'metadata, NAME: VALUE; may be repeated', collect)
    .option('-v, --verbose', 'show metadata, times and attempts, on stderr');
  addSchemaFlags(addChannelFlags(command)).usage('TARGET SERVICE/METHOD [-d JSON | -d @] [-H HEADER] [-v]');
  return {
    command,
    action: async (signal) => {
      const [target = '', path = ''] = command.args;
      const { call } = await import('./call.js');
      await call(target, path, command.opts<CallFlags>(), signal);
    },
  };
}
