/** A command of `udprpc` run in this process: a tenth of the time of a process, where what counts is what it says. */
import { jest } from '@jest/globals';
import { CommanderError } from 'commander';
import { callCommand } from '../../src/command/call-command.js';
import { describeCommand } from '../../src/command/describe-command.js';
import { errorLine } from '../../src/command/error-line.js';
import { gatewayCommand } from '../../src/command/gateway-command.js';
import { healthCommand } from '../../src/command/health-command.js';
import { listCommand } from '../../src/command/list-command.js';
import { pingCommand } from '../../src/command/ping-command.js';
import { FailureShown, USAGE_EXIT_CODE, UsageError } from '../../src/command/run-command.js';
import { type Ended } from './example-process.js';

const COMMANDS = {
  call: callCommand,
  describe: describeCommand,
  gateway: gatewayCommand,
  health: healthCommand,
  list: listCommand,
  ping: pingCommand,
};

/** Ends as `runProgram` does, but that of a wrong usage only the message is shown. One at a time. */
export async function commandRun(name: keyof typeof COMMANDS, ...args: readonly string[]): Promise<Ended> {
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      printed[stream] += String(text);
      return true;
    });
  }
  try {
    return { code: await exitCodeOf(name, args), ...printed };
  } finally {
    jest.restoreAllMocks();
  }
}

async function exitCodeOf(name: keyof typeof COMMANDS, args: readonly string[]): Promise<number> {
  const { command, action } = COMMANDS[name]();
  command.configureOutput({ writeErr: () => undefined }).exitOverride();
  command.action(() => undefined);
  try {
    command.parse(args, { from: 'user' });
    await action(new AbortController().signal);
    return 0;
  } catch (error) {
    if (error instanceof FailureShown) return error.exitCode;
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (!(error instanceof UsageError || error instanceof CommanderError)) throw error;
    process.stderr.write(`${errorLine(error)}\n`);
    return USAGE_EXIT_CODE;
  }
}
