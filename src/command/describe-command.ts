/** `udprpc describe`: services, methods, messages and enums as their `.proto` has them. */
import { Command } from 'commander';
import {
  addChannelFlags,
  addSchemaFlags,
  type ChannelFlags,
  type SchemaFlags,
  TARGET_HELP,
} from './flags.js';
import { type Subcommand } from './run-command.js';

export function describeCommand(): Subcommand {
  const command = new Command('describe')
    .summary('show what a .proto has, by name')
    .description(
      'Shows a service, method, message or enum as its .proto has it, by reflection.\nWith --proto or --descriptors there is no TARGET.',
    )
    .argument('[TARGET]', TARGET_HELP)
    .argument('[SYMBOL]', 'by its full name; default: all services');
  addSchemaFlags(addChannelFlags(command)).usage('TARGET [SYMBOL] | --proto FILE [-I DIR] [SYMBOL]');
  return {
    command,
    action: async (signal) => {
      const { describe } = await import('./look-up.js');
      await describe(command.args, command.opts<ChannelFlags & SchemaFlags>(), signal);
    },
  };
}
