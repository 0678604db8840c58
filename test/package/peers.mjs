import { createServer, createChannel } from 'udprpc';
import * as connect from 'udprpc/connect';
import * as opentelemetry from 'udprpc/opentelemetry';
import * as prometheus from 'udprpc/prometheus';
import * as protobufTs from 'udprpc/protobuf-ts';

const json = {
  typeName: 'hello.v1.Text',
  encode: (message) => ({ finish: () => json.toBinary(message) }),
  decode: (bytes) => json.fromBinary(bytes),
  toBinary: (message) => new TextEncoder().encode(JSON.stringify(message)),
  fromBinary: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
};
const greet = {
  name: 'Greet',
  requestType: json,
  requestStream: false,
  responseType: json,
  responseStream: false,
};
const server = createServer();
server.add(
  { name: 'Greeter', fullName: 'hello.v1.Greeter', methods: { greet: { ...greet, options: {} } } },
  { greet: async ({ name }) => ({ text: `hello ${name}` }) },
);
const port = await server.listen('127.0.0.1:0');
const channel = createChannel(`udp://127.0.0.1:${port}`);
const transport = protobufTs.transportFromChannel(channel);
const method = { service: { typeName: 'hello.v1.Greeter' }, name: 'Greet', I: json, O: json };
const { text } = await transport.unary(method, { name: process.version }, transport.mergeOptions()).response;
if (text !== `hello ${process.version}`) throw new Error(text);
if (Object.keys(prometheus).length === 0) throw new Error('udprpc/prometheus is empty');
opentelemetry.collectMetrics().stop();
if (typeof connect.transportFromChannel(channel).unary !== 'function') throw new Error('no transport');
await channel.close();
await server.shutdown();
console.log(text);
