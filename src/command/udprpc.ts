#!/usr/bin/env node
/** `npx udprpc`: the commands of the package. Each loads what it works with when it runs, so that the others do not wait for it. */
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { callCommand } from './call-command.js';
import { certCommand } from './cert-command.js';
import { describeCommand } from './describe-command.js';
import { gatewayCommand } from './gateway-command.js';
import { healthCommand } from './health-command.js';
import { listCommand } from './list-command.js';
import { pingCommand } from './ping-command.js';
import { runProgram } from './run-command.js';

const { version } = createRequire(import.meta.url)('udprpc/package.json') as { version: string };

const program = new Command('udprpc')
  .description('Type-safe RPC over UDP: what goes with it on a command line.')
  .version(version, '-V, --version', 'print the version')
  .usage('COMMAND');

runProgram(program, [
  callCommand(),
  listCommand(),
  describeCommand(),
  healthCommand(),
  pingCommand(),
  gatewayCommand(),
  certCommand(),
]);
