/**
 * How a command ends. One place decides: 0 for success, 1 for a failure, 2 for wrong arguments, 128 + n for the signal n;
 * and what is printed then: one line, or nothing when nobody reads any more. A command is a function that is given a signal
 * to end by, so that it can clean up first; a second Ctrl-C does not wait for that.
 */
import { constants } from 'node:os';
import { type Command, CommanderError } from 'commander';
import { errorLine } from './error-line.js';

/** The command was used wrongly: its message and the usage are shown, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What failed has been said already: only the exit code is left. */
export class FailureShown extends Error {
  override readonly name = 'FailureShown';
}

/** A signal of the system, or a reader that left, ends the command. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signalName: keyof typeof constants.signals;

  constructor(signalName: keyof typeof constants.signals) {
    super('interrupted');
    this.signalName = signalName;
  }

  get exitCode(): number {
    return 128 + constants.signals[this.signalName];
  }
}

/** Runs `action` of a command whose arguments were read; the process ends when it has settled and nothing else is open. */
export function runCommand(command: Command, action: (signal: AbortSignal) => Promise<void>): void {
  const ending = new AbortController();
  endBySignals(ending);
  endByLostReader(process.stdout, ending);
  endByLostReader(process.stderr, ending);
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  const run = async (): Promise<void> => {
    command.parse();
    await action(ending.signal);
  };
  run().catch((error: unknown) => {
    // What was cut short fails in its own way: the reason counts.
    process.exitCode = showFailure(command, ending.signal.aborted ? ending.signal.reason : error);
  });
}

function endBySignals(ending: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const interrupted = new Interrupted(name);
      if (ending.signal.aborted) process.exit(interrupted.exitCode);
      ending.abort(interrupted);
    });
  }
}

/** `fetch-image --list | head -1`: head has seen enough, which is no failure of ours to talk about. */
function endByLostReader(stream: NodeJS.WriteStream, ending: AbortController): void {
  stream.on('error', () => {
    const interrupted = new Interrupted('SIGPIPE');
    process.exitCode = interrupted.exitCode;
    ending.abort(interrupted);
  });
}

/** Prints what there is to say and returns the exit code. */
function showFailure(command: Command, error: unknown): number {
  if (error instanceof CommanderError) {
    // Help was asked for, and shown.
    if (error.exitCode === 0) return 0;
    return showUsage(command, error.message.replace(/^error: /, ''));
  }
  if (error instanceof UsageError) return showUsage(command, error.message);
  if (error instanceof FailureShown) return 1;
  if (error instanceof Interrupted) {
    if (error.signalName !== 'SIGPIPE') process.stderr.write(`${command.name()}: interrupted\n`);
    return error.exitCode;
  }
  process.stderr.write(`${errorLine(error)}\n`);
  return 1;
}

function showUsage(command: Command, message: string): number {
  process.stderr.write(`${command.name()}: ${message}\nUsage: ${command.name()} ${command.usage()}\n`);
  process.stderr.write(`--help explains the options.\n`);
  return 2;
}
