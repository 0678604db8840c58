/**
 * How a command ends. One place decides: 0 for success, 1 for a failure, 2 or 64 for wrong arguments, 128 + n for the signal n;
 * and what is printed then: one line, or nothing when nobody reads any more. A command is a function that is given a signal
 * to end by, so that it can clean up first; a second Ctrl-C does not wait for that.
 */
import { constants } from 'node:os';
import { type Command, CommanderError } from 'commander';
import { errorLine } from './error-line.js';

/** The command was used wrongly: its message and the usage are shown, and the exit code is 2 or 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What failed has been said already: only the exit code is left. */
export class FailureShown extends Error {
  override readonly name = 'FailureShown';
  readonly exitCode: number;

  constructor(exitCode = 1) {
    super('shown');
    this.exitCode = exitCode;
  }
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

export type Action = (signal: AbortSignal) => Promise<void>;

/** One of the commands of a program: `udprpc cert`. */
export interface Subcommand {
  readonly command: Command;
  readonly action: Action;
}

/** Runs `action` of a command whose arguments were read; the process ends when it has settled and nothing else is open. */
export function runCommand(command: Command, action: Action): void {
  run(command, [{ command, action }], 2);
}

/**
 * The same for a program whose first argument says which of its commands is meant. Its exit codes may be those of calls:
 * so it ends with USAGE_EXIT_CODE where a command alone ends with 2.
 */
export function runProgram(program: Command, subcommands: readonly Subcommand[]): void {
  for (const { command } of subcommands) program.addCommand(command);
  run(program, subcommands, USAGE_EXIT_CODE);
}

/** EX_USAGE of sysexits.h: no status of a call is as large. */
export const USAGE_EXIT_CODE = 64;

function run(program: Command, choices: readonly Subcommand[], usageExitCode: number): void {
  const ending = new AbortController();
  endBySignals(ending);
  endByLostReader(process.stdout, ending);
  endByLostReader(process.stderr, ending);
  /** Whose usage is shown. */
  let current = program;
  let chosen: Action | undefined;
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: () => undefined }).exitOverride((error) => {
      current = command;
      throw error;
    });
  }
  for (const { command, action } of choices) {
    command.action(() => {
      current = command;
      chosen = action;
    });
  }
  const parseAndRun = async (): Promise<void> => {
    program.parse();
    await chosen?.(ending.signal);
  };
  parseAndRun().catch((error: unknown) => {
    // What was cut short fails in its own way: the reason counts.
    process.exitCode = showFailure(
      current,
      ending.signal.aborted ? ending.signal.reason : error,
      usageExitCode,
    );
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
function showFailure(command: Command, error: unknown, usageExitCode: number): number {
  if (error instanceof CommanderError) {
    // Help was asked for, and shown.
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return showUsage(command, 'a command is missing', usageExitCode);
    // Its guess of what was meant is on a line of its own.
    return showUsage(command, error.message.replace(/^error: /, '').replace('\n', ' '), usageExitCode);
  }
  if (error instanceof UsageError) return showUsage(command, error.message, usageExitCode);
  if (error instanceof FailureShown) return error.exitCode;
  if (error instanceof Interrupted) {
    if (error.signalName !== 'SIGPIPE') process.stderr.write(`${fullName(command)}: interrupted\n`);
    return error.exitCode;
  }
  process.stderr.write(`${errorLine(error)}\n`);
  return 1;
}

function showUsage(command: Command, message: string, exitCode: number): number {
  const name = fullName(command);
  process.stderr.write(`${name}: ${message}\nUsage: ${name} ${command.usage()}\n`);
  process.stderr.write(`--help explains the options.\n`);
  return exitCode;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`;
}
