/** A program: makes one call to itself while a listener of every diagnostics channel throws, and prints what came of it. */
import { subscribe } from 'node:diagnostics_channel';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer } from '../../src/index.js';
import { NO_DIAGNOSTICS } from '../../src/rpc/diagnostics.js';

const uncaught: string[] = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));
for (const name of Object.keys(NO_DIAGNOSTICS)) {
  subscribe(name, () => {
    throw new Error(name);
  });
}

const server = createServer();
server.add(TestServiceDefinition, { echo: ({ payload }: { payload: Uint8Array }) => ({ payload }) } as never);
const channel = createChannel(`127.0.0.1:${await server.listen('127.0.0.1:0')}`);
const { payload } = await createClient(TestServiceDefinition, channel).echo({ payload: Uint8Array.of(7) });
await channel.close();
await server.shutdown();
process.stdout.write(JSON.stringify({ answer: [...payload], uncaught: [...new Set(uncaught)].sort() }));
