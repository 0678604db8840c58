/** A directory of 10^6 images: making it takes minutes, so it is for `npm run test:long`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { ImageStore } from '../../src/images/index.js';
import { collectGarbage } from '../support/collect-garbage.js';
import { printFigures } from '../support/long-run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const FILES = 1_000_000;
const PAGE_SIZE = 1_000;
const PAGES = 20;
const MAX_GROWTH_BYTES = 64 << 20;
const MAX_BLOCKED_MS = 100;

test('pages stream, in bounded memory, and never block the event loop', async () => {
  const path = join(temporaryDirectory(), 'images');
  mkdirSync(path);
  for (let index = 0; index < FILES; index++) writeFileSync(join(path, nameOf(index)), '');
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  const sampling = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 10);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  await using store = await opened(path);
  const names: string[] = [];
  let pageToken = '';
  for (let page = 0; page < PAGES; page++) {
    const { images, nextPageToken } = await store.list({ pageSize: PAGE_SIZE, pageToken });
    names.push(...images.map(({ name }) => name));
    pageToken = nextPageToken;
  }
  const tookMs = performance.now() - startedAt;
  delay.disable();
  clearInterval(sampling);
  const blockedMs = delay.max / 1e6;
  printFigures(
    `a directory of ${FILES} files`,
    `${PAGES} pages of ${PAGE_SIZE} in ${(tookMs / 1_000).toFixed(1)} s`,
    `RSS + ${((most - before) / 2 ** 20).toFixed(1)} MiB`,
    `event loop blocked for ${blockedMs.toFixed(0)} ms at most`,
  );
  expect(names).toEqual(Array.from({ length: PAGES * PAGE_SIZE }, (_, index) => nameOf(index)));
  expect(most - before).toBeLessThanOrEqual(MAX_GROWTH_BYTES);
  expect(blockedMs).toBeLessThan(MAX_BLOCKED_MS);
}, 1_800_000);

/** In the order of their names. */
function nameOf(index: number): string {
  return `${String(index).padStart(7, '0')}.png`;
}

async function opened(path: string): Promise<ImageStore & AsyncDisposable> {
  const store = await ImageStore.open(path);
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
