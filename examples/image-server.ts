/**
 * Serves the images of a directory: `npm run image-server -- [DIR] [--host H] [--port P] [--tls]`. Prints one line when it
 * listens, and how to fetch where it has made itself a certificate; ends by a signal, after the calls that run.
 */
import { statSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { HealthDefinition, healthDescriptors, HealthService } from '../src/health/index.js';
import {
  createImageService,
  imageDescriptors,
  ImageServiceDefinition,
  ImageStore,
} from '../src/images/index.js';
import { logEvents, type LogRecord } from '../src/logging/index.js';
import { createReflectionService, ServerReflectionDefinition } from '../src/reflection/index.js';
import { type DevelopmentCertificate } from '../src/certificates/index.js';
import { createServer } from '../src/index.js';
import { bundledImagesDirectory } from './command/bundled-images.js';
import { runCommand } from '../src/command/run-command.js';
import { isWildcard, serverTls, type ServerTlsFlags } from './command/server-tls-flags.js';
import { withFlags } from '../src/command/tls-flags.js';

interface Options extends ServerTlsFlags {
  readonly host: string;
  readonly port: number;
  readonly qlog?: string;
  readonly log: boolean;
}

const GRACE_MS = 5_000;

const command = new Command('image-server')
  .description('Serves the images of a directory over UDP.')
  .argument('[DIR]', 'the directory; default: the bundled sample images')
  .option('--host <H>', 'address to listen on; others than loopback take TLS or --insecure', '127.0.0.1')
  .option('--port <P>', 'port to listen on, 0 for any that is free', parsePort, 5005)
  .option('--tls', 'encrypt, with a certificate for development: made here and kept', false)
  .option('--cert <F>', 'encrypt, with this certificate (PEM)')
  .option('--key <F>', 'the key of --cert (PEM)')
  .option('--request-cert', 'let in only clients with a certificate of --ca', false)
  .option('--ca <F>', 'the authority of these clients (PEM)')
  .option('--insecure', 'listen without encryption also beyond this machine', false)
  .option('--log', 'say what happens, on stderr, a line of JSON each', false)
  .option('--qlog <DIR>', 'log each connection there, for qvis; for finding faults')
  .usage('[DIR] [--host H] [--port P] [--tls | --cert F --key F | --insecure]');

runCommand(command, async (signal) => {
  const options = command.opts<Options>();
  if (options.log) logEvents((record) => process.stderr.write(`${JSON.stringify(lineOf(record))}\n`));
  const secure = await serverTls(options, options.host);
  const store = await openStore(command.args[0] ?? bundledImagesDirectory());
  const server = await withFlags(() =>
    createServer({
      tls: secure?.tls,
      insecure: options.insecure,
      qlogDir: options.qlog,
      // Who asks for a log has all of it there.
      warn: options.log ? undefined : say,
    }),
  );
  if (!options.log) {
    server.on('handlerError', ({ path, error }) => {
      say(`${path} failed: ${String(error)}`);
    });
  }
  server.add(ImageServiceDefinition, createImageService(store));
  const health = new HealthService(server);
  health.setStatus(ImageServiceDefinition, 'SERVING');
  server.add(HealthDefinition, health);
  server.add(ServerReflectionDefinition, createReflectionService([imageDescriptors, healthDescriptors]));
  const host =
    options.host.includes(':') && !options.host.startsWith('[') ? `[${options.host}]` : options.host;
  try {
    const port = await withFlags(() => server.listen(`${host}:${options.port}`));
    process.stdout.write(`listening on ${secure === undefined ? 'udp' : 'udps'}://${host}:${port}\n`);
    if (secure?.development !== undefined) process.stdout.write(howToFetch(secure.development, host, port));
    await aborted(signal);
    await server.shutdown({ graceMs: GRACE_MS });
  } finally {
    await store.close();
  }
});

function say(line: string): void {
  process.stderr.write(`image-server: ${line}\n`);
}

function lineOf({ level, event, message, fields }: LogRecord): object {
  const { error } = fields;
  const stack = error instanceof Error ? { error: error.stack } : {};
  return { time: new Date(), level, event, message, ...fields, ...stack };
}

function howToFetch(certificate: DevelopmentCertificate, host: string, port: number): string {
  const { fingerprint256, validUntil } = certificate;
  const called = isWildcard(host) ? host.replace('0.0.0.0', '127.0.0.1').replace('::', '::1') : host;
  return (
    `certificate for development, valid until ${validUntil.toISOString().slice(0, 10)}; to fetch:\n` +
    `npm run fetch-image -- udps://${called}:${port} --list --fingerprint ${fingerprint256}\n`
  );
}

async function openStore(directory: string): Promise<ImageStore> {
  try {
    return await ImageStore.open(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Error(`cannot serve ${directory}: ${explain(directory, code)} (${code})`, { cause: error });
  }
}

function explain(directory: string, code: string): string {
  if (code === 'ENOENT')
    return 'there is no such directory; name one that exists, or none for the sample images';
  if (code === 'EACCES' || code === 'EPERM')
    return 'it may not be read; give this user the right to, or name another';
  if (code === 'ENOTDIR' && statSync(directory, { throwIfNoEntry: false })?.isFile() === true) {
    return 'it is a file; name the directory that it is in';
  }
  return 'it cannot be opened; name a directory';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  return port;
}
