/** The client of the measurement: one streaming call at a time, of the kind, size and pace that its parent asks for. */
import { createChannel, createClient } from '../../dist/src/index.js';
import { answerParent, count, read, TestServiceDefinition, write } from './side.mjs';

const [transport, port] = process.argv.slice(2);
const channel = createChannel(`udp://127.0.0.1:${port}`, { transport: JSON.parse(transport) });
const client = createClient(TestServiceDefinition, channel);
let isStopped = false;

const kinds = {
  download: ({ messageMs }) => read(client.download({}), messageMs),
  upload: ({ size }) => client.upload(write(Infinity, size, () => isStopped)),
  chat: ({ size, messageMs }) => read(client.chat(write(Infinity, size, () => isStopped)), messageMs),
};

answerParent({
  begin() {
    isStopped = false;
    count.written = count.read = 0;
  },
  async run({ kind, ...parameters }) {
    await kinds[kind](parameters);
  },
  stop() {
    isStopped = true;
  },
});
process.send({});
