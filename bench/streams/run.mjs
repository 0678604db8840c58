/**
 * Memory of both processes while a stream is read more slowly than it could be written: 1 GB of each kind at a pace that lets
 * it end in time, then some seconds of a reader 100 times slower than the writer can go, which was measured before. Prints
 * for each side the memory in the first and in the last quarter, the peak, and how far the writer was ahead of the reader.
 *
 *   npm run streams -- [--kinds download,upload,chat] [--mb 1024] [--ratio 4] [--slow-seconds 20] [--transport '{"maxSendBufferPerStream":1048576}']
 *     [--json FILE]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'download,upload,chat' },
    sizes: { type: 'string', default: '65536,100' },
    mb: { type: 'string', default: '1024' },
    ratio: { type: 'string', default: '4' },
    'slow-seconds': { type: 'string', default: '20' },
    transport: { type: 'string', default: '{}' },
    json: { type: 'string' },
  },
});
const SAMPLE_MS = 200;
/** Of messages so small that the calls around them are what is measured, a part is enough. */
const SMALL_BYTES = 1_000;
const SMALL_PART = 1 / 20;

class Side {
  #child;
  #waiting = new Map();
  #next = 0;
  #ended;

  static async start(program, ...args) {
    const side = new Side(fork(fileURLToPath(new URL(program, import.meta.url)), args));
    const [hello] = await once(side.#child, 'message');
    side.#child.on('message', ({ id, answer }) => {
      side.#waiting.get(id)?.resolve(answer);
      side.#waiting.delete(id);
    });
    return { side, hello };
  }

  constructor(child) {
    this.#child = child;
    child.once('exit', (code, signal) => {
      this.#ended = new Error(`${child.spawnargs.at(1)} ended: ${signal ?? `code ${code}`}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  ask(ask, parameters = {}) {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    // A child that has just ended is told of by its exit.
    this.#child.send({ id, ask, ...parameters }, () => undefined);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}

const { side: server, hello } = await Side.start('server.mjs', values.transport);
const { side: client } = await Side.start('client.mjs', values.transport, String(hello.port));
process.on('exit', () => {
  server.kill();
  client.kill();
});

const of = {
  download: { writer: server, reader: client },
  upload: { writer: client, reader: server },
  chat: { writer: client, reader: client },
};

/** Runs one call until so many bytes were written or so much time is over, or a side ends. Samples of both, with what was ahead. */
async function run({ kind, size, messageMs, bytes, seconds = Infinity }) {
  const { writer, reader } = of[kind];
  await Promise.all([server, client].map((side) => side.ask('begin', { size, messageMs })));
  const startedAt = performance.now();
  const samples = [];
  let failure;
  let isOver = false;
  const done = client
    .ask('run', { kind, size, messageMs })
    .catch((error) => (failure = error))
    .then(() => (isOver = true));
  try {
    for (let isStopped = false; !isOver;) {
      const [ofServer, ofClient] = await Promise.all([server.ask('sample'), client.ask('sample')]);
      const byWriter = writer === server ? ofServer : ofClient;
      const byReader = reader === server ? ofServer : ofClient;
      const second = (performance.now() - startedAt) / 1_000;
      const ahead = byWriter.written - byReader.read;
      if (!isStopped)
        samples.push({ second, read: byReader.read, ahead, server: ofServer, client: ofClient });
      if (!isStopped && (byWriter.written >= bytes || second >= seconds)) {
        isStopped = true;
        await writer.ask('stop');
      }
      await Promise.race([done, wait(SAMPLE_MS)]);
    }
  } catch (error) {
    failure = error;
  }
  const last = samples.at(-1);
  return { samples, bytes: last?.read ?? 0, seconds: last?.second ?? 0, failure };
}

const MB = 1 << 20;
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const mib = (bytes) => (bytes / MB).toFixed(1);

/** Of what there is, also when a side has ended early: then that is the end of all. */
function report(title, { samples, bytes, seconds, failure }) {
  console.log(`\n${title}: ${mib(bytes)} MiB read in ${seconds.toFixed(1)} s, ${mib(bytes / seconds)} MiB/s`);
  const ahead = samples.map((sample) => sample.ahead);
  const quarter = Math.max(1, samples.length >> 2);
  const quarters = (numbers) =>
    [numbers.slice(0, quarter), numbers.slice(-quarter)].map((part) => mib(mean(part)));
  const [first, last] = quarters(ahead);
  console.log(
    `  writer ahead of reader, MiB: first quarter ${first}, last ${last}, most ${mib(Math.max(...ahead))}`,
  );
  for (const side of ['server', 'client']) {
    const parts = ['rss', 'heapUsed', 'external', 'arrayBuffers'].map((name) => {
      const numbers = samples.map((sample) => sample[side][name]);
      const [from, to] = quarters(numbers);
      return `${name} ${from} > ${to} (most ${mib(Math.max(...numbers))})`;
    });
    console.log(`  ${side}, MiB, first quarter > last: ${parts.join(' · ')}`);
  }
  if (failure === undefined) return;
  console.log(`  CUT SHORT: ${failure.message}`);
  process.exit(1);
}

const results = [];
for (const size of values.sizes.split(',').map(Number)) {
  const part = size < SMALL_BYTES ? SMALL_PART : 1;
  const bytes = Number(values.mb) * MB * part;
  for (const kind of values.kinds.split(',')) {
    // Once to be compiled, once to be measured.
    await run({ kind, size, messageMs: 0, bytes: bytes / 8 });
    const free = await run({ kind, size, messageMs: 0, bytes: bytes / 4 });
    const freeMs = (free.seconds * 1_000 * size) / free.bytes;
    report(`${kind} of ${size} B, as fast as it goes`, free);
    for (const [ratio, limits] of [
      [Number(values.ratio), { bytes }],
      [100, { bytes, seconds: Number(values['slow-seconds']) }],
    ]) {
      const result = await run({ kind, size, messageMs: freeMs * ratio, ...limits });
      report(
        `${kind} of ${size} B, reader ${ratio} times slower (${(freeMs * ratio).toFixed(3)} ms each)`,
        result,
      );
      results.push({ kind, size, ratio, ...result });
    }
  }
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
process.exit(0);
