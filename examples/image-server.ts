/**
 * Serves the images of a directory: `npm run image-server -- [DIR] [--host H] [--port P] [--insecure]`. Prints one line when it
 * listens, and ends by a signal, after the calls that run.
 */
import { statSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { createImageService, ImageServiceDefinition, ImageStore } from '../src/images/index.js';
import { createServer, TargetError } from '../src/index.js';
import { bundledImagesDirectory } from './command/bundled-images.js';
import { runCommand, UsageError } from '../src/command/run-command.js';

interface Options {
  readonly host: string;
  readonly port: number;
  readonly insecure: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly qlog?: string;
}

const GRACE_MS = 5_000;

const command = new Command('image-server')
  .description('Serves the images of a directory over UDP.')
  .argument('[DIR]', 'the directory; default: the bundled sample images')
  .option('--host <H>', 'address to listen on; others than loopback take --insecure', '127.0.0.1')
  .option('--port <P>', 'port to listen on, 0 for any that is free', parsePort, 5005)
  .option('--insecure', 'listen without encryption also beyond this machine', false)
  .option('--qlog <DIR>', 'log each connection there, for qvis; for finding faults')
  .option('--cert <F>', 'not built yet: this version has no TLS')
  .option('--key <F>', 'not built yet: this version has no TLS')
  .usage('[DIR] [--host H] [--port P] [--insecure] [--qlog DIR]');

runCommand(command, async (signal) => {
  const options = command.opts<Options>();
  if (options.cert !== undefined || options.key !== undefined) {
    throw new UsageError(
      '--cert and --key are not built yet: this version has no TLS (--insecure serves without)',
    );
  }
  const store = await openStore(command.args[0] ?? bundledImagesDirectory());
  const server = createServer({
    insecure: options.insecure,
    qlogDir: options.qlog,
    warn: (warning) => process.stderr.write(`image-server: ${warning}\n`),
  });
  server.on('handlerError', ({ path, error }) =>
    process.stderr.write(`image-server: ${path} failed: ${String(error)}\n`),
  );
  server.add(ImageServiceDefinition, createImageService(store));
  const host =
    options.host.includes(':') && !options.host.startsWith('[') ? `[${options.host}]` : options.host;
  try {
    const port = await listen(`${host}:${options.port}`);
    process.stdout.write(`listening on udp://${host}:${port}\n`);
    await aborted(signal);
    await server.shutdown({ graceMs: GRACE_MS });
  } finally {
    await store.close();
  }

  async function listen(address: string): Promise<number> {
    try {
      return await server.listen(address);
    } catch (error) {
      throw error instanceof TargetError ? new UsageError(error.message) : error;
    }
  }
});

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
