/** node:http over TCP: the same bytes, to a file and hashed as `fetchImage` does. The kernel's controller is set outside. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { payload, timed } from './payload.mjs';

export async function serve(host, _controller, bytes) {
  const body = payload(Number(bytes));
  const server = createServer((request, response) => {
    if (request.url !== '/endless') return void response.end(body);
    const feed = () => {
      while (response.write(body.subarray(0, 262_144)));
    };
    response.on('drain', feed);
    feed();
  });
  server.listen(0, host);
  await once(server, 'listening');
  return server.address().port;
}

export async function fetch(host, port) {
  const directory = await mkdtemp(join(tmpdir(), 'udprpc-bench-'));
  try {
    return await timed(async () => {
      const [response] = await once(get({ host, port }), 'response');
      const hash = createHash('sha256');
      let bytes = 0;
      response.on('data', (chunk) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      await pipeline(response, createWriteStream(join(directory, 'image.bin')));
      return { bytes };
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

export async function flow(host, port, _controller, seconds) {
  const perSecond = Array.from({ length: Number(seconds) }, () => 0);
  const startedAt = performance.now();
  const request = get({ host, port, path: '/endless' });
  const [response] = await once(request, 'response');
  for await (const chunk of response) {
    const second = Math.floor((performance.now() - startedAt) / 1_000);
    if (second >= perSecond.length) break;
    perSecond[second] += chunk.length;
  }
  return { perSecond };
}
