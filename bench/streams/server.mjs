/** The server of the measurement: writes downloads, reads uploads at the pace that its parent sets, and echoes chats. */
import { createServer } from '../../dist/src/index.js';
import { answerParent, count, read, TestServiceDefinition, write } from './side.mjs';

let messageMs = 0;
let size = 0;
let isStopped = false;

const server = createServer({ transport: JSON.parse(process.argv[2]) });
server.add(TestServiceDefinition, {
  download: () => write(Infinity, size, () => isStopped),
  async upload(messages) {
    await read(messages, messageMs);
    return { count: 1, size: count.read };
  },
  async *chat(messages) {
    for await (const message of messages) {
      count.read += message.payload.length;
      yield message;
    }
  },
});
answerParent({
  begin(next) {
    ({ messageMs, size } = next);
    isStopped = false;
    count.written = count.read = 0;
  },
  stop() {
    isStopped = true;
  },
});
process.send({ port: await server.listen('127.0.0.1:0') });
