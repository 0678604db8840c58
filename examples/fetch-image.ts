/**
 * Fetches images from an image server: `npm run fetch-image -- [URL] [NAME...] [--list | --meta | --all] [--out DIR] [--json]`.
 * Without arguments, on a terminal, it asks. Data goes to stdout; progress and errors go to stderr.
 */
import { Command, InvalidArgumentError } from 'commander';
import {
  fetchImage,
  type ImageCallOptions,
  type ImageClient,
  ImageServiceDefinition,
  listImages,
  quoteName,
} from '../src/images/index.js';
import { type Channel, createChannel, createClient, Status } from '../src/index.js';
import { callErrorLine, codeOf } from './command/call-error-line.js';
import { FetchBar } from './command/fetch-bar.js';
import {
  fetchedJson,
  fetchedLine,
  LIST_HEADING,
  listJson,
  listLine,
  metaJson,
  metaLines,
} from './command/image-tables.js';
import { formatBytes } from './command/quantities.js';
import { askDirectory, askNames, askTarget } from './command/questions.js';
import { channelTls, type ChannelTlsFlags, withFlags } from '../src/command/tls-flags.js';
import { FailureShown, runCommand, UsageError } from '../src/command/run-command.js';

interface Options extends ChannelTlsFlags {
  readonly list: boolean;
  readonly meta: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly insecure: boolean;
  readonly out?: string;
  readonly stats: boolean;
  readonly timeout: number;
  readonly qlog?: string;
}

/** One run: what to ask of whom, and how to show it. */
interface Session {
  readonly client: ImageClient;
  readonly target: string;
  readonly options: Options;
  readonly callOptions: Required<ImageCallOptions>;
}

const command = new Command('fetch-image')
  .description('Fetches images from an image server over UDP. Without arguments, on a terminal, it asks.')
  .argument('[URL]', 'udp:// or udps:// and host[:port] of the server, default port 5005')
  .argument('[NAME...]', 'images to fetch')
  .option('--list', 'list the images of the server', false)
  .option('--meta', 'describe the named images, or all', false)
  .option('--all', 'fetch all images', false)
  .option('--out <DIR>', 'where images go (default: the working directory)')
  .option('--json', 'print one JSON object a line', false)
  .option('--fingerprint <FP>', 'trust the server by the SHA-256 of its certificate')
  .option('--ca <F>', 'trust the servers of this authority (PEM)')
  .option('--cert <F>', 'show this certificate to the server (PEM)')
  .option('--key <F>', 'the key of --cert (PEM)')
  .option('--insecure', 'fetch without encryption also from other machines', false)
  .option('--stats', 'say at the end what the connection went through', false)
  .option('--qlog <DIR>', 'log the connection there, for qvis; for finding faults')
  .option('--timeout <S>', 'give up a call after so many seconds', parseSeconds, 30)
  .usage('[URL] [NAME...] [--list | --meta | --all] [--out DIR] [--json] [--fingerprint FP]');

runCommand(command, async (signal) => {
  const options = command.opts<Options>();
  const [url, ...names] = command.args;
  checkUsage(options, url, names);
  const tls = await channelTls(options);
  const asked =
    url === undefined
      ? await askTarget({ isSecure: tls !== undefined, signal })
      : { target: url, isInsecure: options.insecure };
  const channel = await withFlags(() =>
    createChannel(asked.target, { tls, insecure: asked.isInsecure, qlogDir: options.qlog }),
  );
  try {
    const client: ImageClient = createClient(ImageServiceDefinition, channel);
    const callOptions = { signal, timeoutMs: options.timeout * 1_000 };
    await run({ client, target: asked.target, options, callOptions }, names);
  } catch (error) {
    signal.throwIfAborted();
    if (codeOf(error) === undefined) throw error;
    process.stderr.write(`${callErrorLine(error, asked.target)}\n`);
    throw new FailureShown();
  } finally {
    if (options.stats) showStats(channel);
    await channel.close();
  }
});

function checkUsage({ list, meta, all }: Options, url: string | undefined, names: readonly string[]): void {
  if ([list, meta, all].filter(Boolean).length > 1)
    throw new UsageError('--list, --meta and --all exclude each other');
  if ((list || all) && names.length > 0) throw new UsageError(`${list ? '--list' : '--all'} takes no names`);
  if (isTerminal()) return;
  if (url === undefined)
    throw new UsageError('the URL of a server is missing, for example udp://127.0.0.1:5005');
  if (names.length === 0 && !list && !meta && !all) {
    throw new UsageError('name the images to fetch, or give --all, or --list to see what there is');
  }
}

/** Whether there is somebody to ask. */
function isTerminal(): boolean {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  // A terminal that says it has no size (some containers') would get a question one letter a line.
  if (process.stdout.columns === 0) process.stdout.columns = 80;
  if (process.stdout.rows === 0) process.stdout.rows = 24;
  return true;
}

function showStats(channel: Channel): void {
  const stats = channel.stats();
  if (stats === undefined) return;
  const { datagramsSent, datagramsReceived, packetsLost, packetsDamaged } = stats;
  const { smoothedRttMs = 0, minRttMs = 0, congestionWindow, maxDatagramSize } = stats;
  process.stderr.write(
    `${datagramsSent} datagrams sent, ${datagramsReceived} received; ${packetsLost} packets lost on the way, ` +
      `${packetsDamaged} came damaged and were dropped\n` +
      `round trip ${smoothedRttMs.toFixed(1)} ms, at best ${minRttMs.toFixed(1)} ms; ${stats.ptoCount} probes; ` +
      `congestion window ${formatBytes(congestionWindow)}, datagrams of up to ${maxDatagramSize} bytes\n`,
  );
}

async function run(session: Session, names: readonly string[]): Promise<void> {
  const { client, options, callOptions } = session;
  if (options.list) return list(session);
  const isAsking = names.length === 0 && !options.all && !options.meta;
  const wanted = isAsking
    ? await askNames(listImages(client, callOptions), callOptions.signal)
    : new Set(names);
  if (options.meta) return each(session, names.length === 0 ? allNames(session) : wanted, describe);
  const directory = options.out ?? (isAsking ? await askDirectory(callOptions.signal) : '.');
  return each(session, options.all ? allNames(session) : wanted, (_, name) =>
    fetch(session, name, directory),
  );
}

async function list({ client, target, options, callOptions }: Session): Promise<void> {
  let count = 0;
  for await (const image of listImages(client, callOptions)) {
    if (count++ === 0 && !options.json) print(LIST_HEADING);
    print(options.json ? listJson(image) : listLine(image));
    callOptions.signal.throwIfAborted();
  }
  if (count === 0) process.stderr.write(`no images on ${target}\n`);
}

async function* allNames({ client, target, callOptions }: Session): AsyncGenerator<string, void, void> {
  let count = 0;
  for await (const { name } of listImages(client, callOptions)) {
    count++;
    yield name;
  }
  if (count === 0) process.stderr.write(`no images on ${target}\n`);
}

/** One image that fails does not keep the others from being done; a server that does not answer does. */
async function each(
  session: Session,
  names: Iterable<string> | AsyncIterable<string>,
  action: (session: Session, name: string) => Promise<void>,
): Promise<void> {
  let hasFailed = false;
  for await (const name of names) {
    try {
      await action(session, name);
    } catch (error) {
      session.callOptions.signal.throwIfAborted();
      const code = codeOf(error);
      if (code === undefined || code === Status.UNAVAILABLE || code === Status.DEADLINE_EXCEEDED) throw error;
      process.stderr.write(`${callErrorLine(error, session.target)}\n`);
      hasFailed = true;
    }
  }
  if (hasFailed) throw new FailureShown();
}

async function describe({ client, options, callOptions }: Session, name: string): Promise<void> {
  const image = await client.getMeta({ name }, callOptions);
  print(options.json ? metaJson(image) : metaLines(image).join('\n'));
}

async function fetch(
  { client, options, callOptions }: Session,
  name: string,
  directory: string,
): Promise<void> {
  const bar = options.json ? undefined : new FetchBar(name, process.stderr);
  try {
    const fetched = await fetchImage(client, name, {
      directory,
      ...callOptions,
      onProgress: (progress) => bar?.update(progress),
    });
    bar?.stop();
    print(options.json ? fetchedJson(fetched) : fetchedLine(fetched));
  } finally {
    bar?.stop();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function parseSeconds(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError(`It must be a number of seconds above 0, not ${quoteName(text)}.`);
  }
  return seconds;
}
