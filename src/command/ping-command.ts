/** `udprpc ping`: how long a call to a server and back takes. */
import { Command } from 'commander';
import { addChannelFlags, type ChannelFlags, parseCount, parseSeconds, TARGET_HELP } from './flags.js';
import { type Subcommand } from './run-command.js';

export interface PingFlags extends ChannelFlags {
  readonly count?: number;
  /** Seconds. */
  readonly interval: number;
}

export function pingCommand(): Subcommand {
  const command = new Command('ping')
    .summary('measure round trips')
    .description(
      'Measures round trips of small calls, until Ctrl-C or --count of them are done.\nAny udprpc server answers, whatever it offers.',
    )
    .argument('<TARGET>', TARGET_HELP)
    .option('-c, --count <N>', 'how many', parseCount)
    .option('-i, --interval <S>', 'seconds from one to the next', parseSeconds, 1);
  addChannelFlags(command).usage('TARGET [-c N] [-i S]');
  return {
    command,
    action: async (signal) => {
      const { ping } = await import('./ping.js');
      await ping(command.args[0] ?? '', command.opts<PingFlags>(), signal);
    },
  };
}
