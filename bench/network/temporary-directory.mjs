import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is also gone when this process is told to end; otherwise it is its caller's to remove. */
export async function temporaryDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'udprpc-bench-'));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(1);
    });
  }
  return directory;
}
