/**
 * `npm run demo`: an image server on the sample images in one process, a client in this one. Fetches every image over UDP, compares
 * each with its original, prints a table. Exit code 0 means that every byte arrived.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { fetchImage, type ImageClient, ImageServiceDefinition, listImages } from '../src/images/index.js';
import { createChannel, createClient } from '../src/index.js';
import { bundledImagesDirectory } from './command/bundled-images.js';
import { fitted, formatBytes, formatHex } from './command/quantities.js';
import { FailureShown, runCommand } from '../src/command/run-command.js';
import { startServerProcess } from './command/server-process.js';

const command = new Command('demo').description(
  'Fetches the sample images from a server in a second process.',
);

runCommand(command, async (signal) => {
  const source = bundledImagesDirectory();
  const server = await startServerProcess(source, signal);
  const channel = createChannel(server.target);
  const directory = await mkdtemp(join(tmpdir(), 'udprpc-demo-'));
  try {
    print(`image server: process ${server.pid} on ${server.target}, client: process ${process.pid}\n`);
    const client = createClient(ImageServiceDefinition, channel);
    await fetchAll(client, { source, directory, signal });
  } finally {
    await channel.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

interface Places {
  readonly source: string;
  readonly directory: string;
  readonly signal: AbortSignal;
}

async function fetchAll(client: ImageClient, { source, directory, signal }: Places): Promise<void> {
  let imageCount = 0;
  let wrongCount = 0;
  print(row('NAME', 'SIZE', 'MS', 'MB/S', 'SHA-256'));
  for await (const { name } of listImages(client, { signal })) {
    const { path, bytes, seconds } = await fetchImage(client, name, { directory, signal });
    const [received, original] = await Promise.all([sha256Of(path), sha256Of(join(source, name))]);
    const isSame = received === original;
    imageCount++;
    if (!isSame) wrongCount++;
    const rate = bytes / 1e6 / Math.max(seconds, 1e-6);
    const verdict = isSame ? `ok ${received.slice(0, 16)}` : 'DIFFERENT';
    print(row(name, formatBytes(bytes), (seconds * 1_000).toFixed(1), rate.toFixed(1), verdict));
  }
  const isRight = imageCount > 0 && wrongCount === 0;
  print(
    isRight
      ? `\nall ${imageCount} images arrived as they are`
      : `\n${wrongCount} of ${imageCount} images are wrong`,
  );
  if (!isRight) throw new FailureShown();
}

/** Read again from the disk on purpose: this is the proof, not the fetch's own check. */
async function sha256Of(path: string): Promise<string> {
  return formatHex(
    createHash('sha256')
      .update(await readFile(path))
      .digest(),
  );
}

function row(name: string, size: string, ms: string, rate: string, verdict: string): string {
  const numbers = [fitted(size, 9, 'right'), fitted(ms, 8, 'right'), fitted(rate, 7, 'right')];
  return [fitted(name, 24), ...numbers, verdict].join('  ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
