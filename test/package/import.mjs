import { createChannel, createClient, createServer, RpcError, Status } from 'udprpc';
import * as certificates from 'udprpc/certificates';
import * as details from 'udprpc/details';
import * as dynamic from 'udprpc/dynamic';
import * as gateway from 'udprpc/gateway';
import * as health from 'udprpc/health';
import * as logging from 'udprpc/logging';
import * as images from 'udprpc/images';
import * as reflection from 'udprpc/reflection';
import * as testing from 'udprpc/testing';

const json = {
  encode: (message) => ({ finish: () => new TextEncoder().encode(JSON.stringify(message)) }),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
  fromPartial: (message) => message,
};
const definition = {
  name: 'Greeter',
  fullName: 'hello.v1.Greeter',
  methods: {
    greet: {
      name: 'Greet',
      requestType: json,
      requestStream: false,
      responseType: json,
      responseStream: false,
      options: {},
    },
  },
};

const server = createServer();
server.add(definition, { greet: async ({ name }) => ({ text: `hello ${name}` }) });
const port = await server.listen('127.0.0.1:0');
const channel = createChannel(`udp://127.0.0.1:${port}`);
const greeter = createClient(definition, channel);
const { text } = await greeter.greet({ name: process.version });
await channel.close();
await server.shutdown();
if (text !== `hello ${process.version}` || typeof RpcError !== 'function' || Status.OK !== 0)
  throw new Error(text);
const network = testing.createSimulatedNetwork({ seed: 7, delayMs: 20, lossRate: 0.1 });
const simulated = network.createServer();
simulated.add(definition, { greet: async ({ name }) => ({ text: `hello ${name}` }) });
await simulated.listen('10.0.0.1:5005');
const far = createClient(definition, network.createChannel('10.0.0.1:5005'));
const answer = await network.run(far.greet({ name: 'Ada' }));
await network.close();
if (answer.text !== 'hello Ada') throw new Error(answer.text);
if (
  [certificates, details, dynamic, gateway, health, images, logging, reflection, testing].some(
    (door) => Object.keys(door).length === 0,
  )
)
  throw new Error('an entry point is empty');
// Without the peers all of the above has loaded; of those that need one, what is missing is said by its name.
for (const [door, peer] of [
  ['udprpc/connect', '@connectrpc/connect'],
  ['udprpc/protobuf-ts', '@protobuf-ts/runtime-rpc'],
  ['udprpc/opentelemetry', '@opentelemetry/api'],
  ['udprpc/prometheus', 'prom-client'],
]) {
  const error = await import(door).catch((reason) => reason);
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes(peer))
    throw new Error(`${door} without ${peer}: ${error.message ?? 'it has loaded'}`);
}
console.log(text);
