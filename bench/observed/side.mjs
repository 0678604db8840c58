/**
 * One end of small unary calls, watched as its name says: `side.mjs NAME` serves, `side.mjs NAME PORT` calls, and answers each
 * message, a length in ms, with the calls/s that it has made in that time, 64 in flight.
 *
 *   bare      nobody looks on
 *   events    all events of node:diagnostics_channel were subscribed to, and are no more
 *   tracing   nice-grpc-opentelemetry on both sides, and no SDK: tracing is switched off
 *   logging   udprpc/logging, by its defaults
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createChannel, createClientFactory, createServer } from '../../dist/src/index.js';
import { NO_DIAGNOSTICS } from '../../src/rpc/diagnostics.js';
import { REQUEST, RESPONSE, TestServiceDefinition } from '../peers/payload.mjs';

const IN_FLIGHT = 64;
const [name, port] = process.argv.slice(2);

if (name === 'events') {
  const listener = () => undefined;
  for (const event of Object.keys(NO_DIAGNOSTICS)) subscribe(event, listener);
  for (const event of Object.keys(NO_DIAGNOSTICS)) unsubscribe(event, listener);
}
if (name === 'logging') {
  const { logEvents } = await import('../../dist/src/logging/index.js');
  logEvents(() => undefined);
}
const tracing = name === 'tracing' ? await import('nice-grpc-opentelemetry') : undefined;

if (port === undefined) {
  const plain = createServer();
  const server = tracing === undefined ? plain : plain.use(tracing.openTelemetryServerMiddleware());
  server.add(TestServiceDefinition, { echo: async () => RESPONSE });
  process.send(await server.listen('127.0.0.1:0'));
} else {
  const plain = createClientFactory();
  const factory = tracing === undefined ? plain : plain.use(tracing.openTelemetryClientMiddleware());
  const client = factory.create(TestServiceDefinition, createChannel(`udp://127.0.0.1:${port}`));
  await client.echo(REQUEST);
  process.on('message', async (durationMs) => {
    const startedAt = performance.now();
    let done = 0;
    const caller = async () => {
      for (; performance.now() - startedAt < durationMs; done++) await client.echo(REQUEST);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
    process.send((done / (performance.now() - startedAt)) * 1_000);
  });
  process.send('ready');
}
