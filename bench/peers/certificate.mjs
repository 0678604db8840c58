/** A certificate for the server of one measurement, which its client finds by the port. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const fileOf = (port) => join(tmpdir(), `udprpc-bench-${port}.pem`);

/** `{ cert, key }` for that IP address. */
export async function makeCertificate(ip = '127.0.0.1') {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'udprpc bench' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip }] }],
  });
  return { cert, key };
}

export async function publish(port, { cert }) {
  await writeFile(fileOf(port), cert);
  process.once('SIGTERM', () => rm(fileOf(port)).then(() => process.exit(0)));
}

export async function published(port) {
  return readFile(fileOf(port), 'utf8');
}
