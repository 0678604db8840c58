/**
 * A server of the test service that writes down every call that it starts, before anything else of the handler runs, so that a
 * test knows what was executed also of a server that was killed: a line is with the kernel when `writeSync` returns, and stays.
 *
 *   journal-server JOURNAL PORT [RESET_KEY]      the reset key in hexadecimal digits
 *
 * Prints `listening on PORT since MS`. A key is what comes before the first `.`: what follows only makes a request large.
 * How long a handler takes is said by the call: `delayMs` of Echo, `value` of Put, `amount` of Add.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createServer } from '../../src/index.js';

const [path = '', port = '0', resetKey = ''] = process.argv.slice(2);
const journal = openSync(path, 'a');

async function execute(key: string, delayMs: number): Promise<void> {
  writeSync(journal, `${key.split('.', 1)[0] ?? ''} ${process.pid}\n`);
  if (delayMs > 0) await wait(delayMs);
}

const server = createServer(resetKey === '' ? {} : { resetKey: Buffer.from(resetKey, 'hex') });
server.add(TestServiceDefinition, {
  async echo({ payload, delayMs }) {
    await execute(Buffer.from(payload).toString(), delayMs);
    return { payload };
  },
  async put({ key, value }) {
    await execute(key, Number(value));
    return { value };
  },
  async add({ key, amount }) {
    await execute(key, Number(amount));
    return { total: amount };
  },
  download() {
    throw new Error('not served here');
  },
  upload() {
    throw new Error('not served here');
  },
  chat() {
    throw new Error('not served here');
  },
});
const listening = await server.listen(`127.0.0.1:${port}`);
process.stdout.write(`listening on ${listening} since ${Date.now()}\n`);
