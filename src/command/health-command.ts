/** `udprpc health`: whether a server, or one of its services, can do its work; for people and for probes. */
import { Command } from 'commander';
import { addChannelFlags, type ChannelFlags, TARGET_HELP } from './flags.js';
import { type Subcommand } from './run-command.js';

export interface HealthFlags extends ChannelFlags {
  readonly watch?: boolean;
}

export function healthCommand(): Subcommand {
  const command = new Command('health')
    .summary('ask whether a server is serving')
    .description(
      'Asks a server whether it, or one of its services, is serving. The exit code is 0\nfor SERVING, 14 (UNAVAILABLE) for another answer, else the status of the call.',
    )
    .argument('<TARGET>', TARGET_HELP)
    .argument('[SERVICE]', 'a service, by its full name; default: the whole server')
    .option('--watch', 'go on, and print each change');
  addChannelFlags(command).usage('TARGET [SERVICE] [--watch]');
  return {
    command,
    action: async (signal) => {
      const [target = '', service = ''] = command.args;
      const { health } = await import('./health.js');
      await health(target, service, command.opts<HealthFlags>(), signal);
    },
  };
}
