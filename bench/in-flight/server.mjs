/** The server of the measurement: tells its parent its port and, asked, the CPU it has used. */
import { createServer } from '../../dist/src/index.js';
import { RESPONSE, TestServiceDefinition } from '../peers/payload.mjs';

const most = Number(process.argv[2]);
const server = createServer({ transport: { maxStreams: most }, maxRunningHandlers: most });
server.add(TestServiceDefinition, { echo: async () => RESPONSE });
process.on('message', () => process.send(process.cpuUsage()));
process.send({ port: await server.listen('127.0.0.1:0') });
