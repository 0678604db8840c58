import { openInMemoryHarness } from './in-memory-harness.js';
import { describeUnaryCalls } from './unary-cases.js';

describeUnaryCalls('two ends in memory', openInMemoryHarness.bind(undefined, {}));

describeUnaryCalls('two ends in memory with little room', () =>
  openInMemoryHarness({
    maxStreams: 10,
    streamWindowBytes: 1_000,
    connectionWindowBytes: 3_000,
    chunkBytes: 7,
  }),
);
