import { openInMemoryHarness } from './in-memory-harness.js';
import { describeCalls } from './cases.js';

describeCalls('two ends in memory', openInMemoryHarness.bind(undefined, {}));

describeCalls('two ends in memory with little room', () =>
  openInMemoryHarness({
    maxStreams: 10,
    streamWindowBytes: 1_000,
    connectionWindowBytes: 3_000,
    chunkBytes: 7,
  }),
);
