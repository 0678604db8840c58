/** A certificate for the server of one measurement, which its client finds by the port. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const fileOf = (port) => join(tmpdir(), `udprpc-bench-${port}.pem`);

/** `{ cert, key }` for that IP address. Made by another process: what makes them would be a third of this one's heap. */
export async function makeCertificate(ip = '127.0.0.1') {
  const maker = fileURLToPath(new URL('make-certificate.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [maker, ip]);
  return JSON.parse(stdout);
}

export async function publish(port, { cert }) {
  await writeFile(fileOf(port), cert);
  process.once('SIGTERM', () => rm(fileOf(port)).then(() => process.exit(0)));
}

export async function published(port) {
  return readFile(fileOf(port), 'utf8');
}
