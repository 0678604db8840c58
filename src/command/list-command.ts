/** `udprpc list`: the services of a server, or the methods of one. */
import { Command } from 'commander';
import {
  addChannelFlags,
  addSchemaFlags,
  type ChannelFlags,
  type SchemaFlags,
  TARGET_HELP,
} from './flags.js';
import { type Subcommand } from './run-command.js';

export function listCommand(): Subcommand {
  const command = new Command('list')
    .summary('list services, or the methods of one')
    .description(
      'Lists the services of a server, or the methods of one, by its reflection.\nWith --proto or --descriptors there is no TARGET.',
    )
    .argument('[TARGET]', TARGET_HELP)
    .argument('[SERVICE]', 'a service, by its full name');
  addSchemaFlags(addChannelFlags(command)).usage('TARGET [SERVICE] | --proto FILE [-I DIR] [SERVICE]');
  return {
    command,
    action: async (signal) => {
      const { list } = await import('./look-up.js');
      await list(command.args, command.opts<ChannelFlags & SchemaFlags>(), signal);
    },
  };
}
