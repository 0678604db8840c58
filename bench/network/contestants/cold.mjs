/**
 * The first answer of a new connection: ours under TLS and in plaintext, and HTTPS over TCP, all with one certificate and by
 * processes that are warm. A bare echo beside them says what a round trip is.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, createServer as createHttpsServer, get } from 'node:https';
import { createChannel, createClient, createServer } from '../../../dist/src/index.js';
import { makeCertificate } from '../../peers/certificate.mjs';
import { REQUEST, RESPONSE, TestServiceDefinition } from '../../peers/payload.mjs';

/** Three servers and the echo; prints their ports, and the certificate. */
export async function serve(host) {
  const identity = await makeCertificate(host);
  const https = createHttpsServer({ ...identity, minVersion: 'TLSv1.3' }, (_request, response) => {
    response.end(RESPONSE.payload);
  });
  const echo = createSocket('udp4');
  echo.on('message', (message, { address, port }) => echo.send(message, port, address));
  https.listen(0, host);
  echo.bind(0, host);
  await Promise.all([once(https, 'listening'), once(echo, 'listening')]);
  return JSON.stringify({
    udps: await serveOurs(host, { tls: identity }),
    udp: await serveOurs(host, { insecure: true, warn: () => {} }),
    https: https.address().port,
    echo: echo.address().port,
    ca: identity.cert,
  });
}

/** Milliseconds of each contestant in each round, after `warmUps` rounds that do not count. */
export async function cold(host, served, rounds, warmUps) {
  const { ca, ...ports } = JSON.parse(served);
  const contestants = {
    echo: () => echoOnce(host, ports.echo),
    udps: () => callOnce(`udps://${host}:${ports.udps}`, { tls: { ca } }),
    udp: () => callOnce(`udp://${host}:${ports.udp}`, { insecure: true }),
    https: () => getOnce(host, ports.https, ca),
  };
  const names = Object.keys(contestants);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -Number(warmUps); round < Number(rounds); round++) {
    // Another one begins each time, so that none always follows the same one.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + Number(warmUps)) % names.length];
      const ms = await contestants[name]();
      if (round >= 0) times[name].push(ms);
    }
  }
  return times;
}

async function serveOurs(host, options) {
  const server = createServer(options);
  server.add(TestServiceDefinition, { echo: async () => RESPONSE });
  return server.listen(`${host}:0`);
}

async function callOnce(target, options) {
  const startedAt = performance.now();
  const channel = createChannel(target, options);
  await createClient(TestServiceDefinition, channel).echo(REQUEST);
  const ms = performance.now() - startedAt;
  await channel.close();
  return ms;
}

async function getOnce(host, port, ca) {
  const startedAt = performance.now();
  const agent = new Agent({ ca, minVersion: 'TLSv1.3', maxCachedSessions: 0 });
  const [response] = await once(get({ host, port, agent }), 'response');
  for await (const chunk of response) if (chunk.length === 0) throw new Error('an empty chunk');
  const ms = performance.now() - startedAt;
  agent.destroy();
  return ms;
}

async function echoOnce(host, port) {
  const socket = createSocket('udp4');
  socket.bind(0);
  await once(socket, 'listening');
  const startedAt = performance.now();
  socket.send(Buffer.alloc(1), port, host);
  await once(socket, 'message', { signal: AbortSignal.timeout(10_000) });
  const ms = performance.now() - startedAt;
  socket.close();
  return ms;
}
