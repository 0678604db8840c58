/** What fetch-image asks on a terminal when it was not told: where the server is, which images, where to put them. */
import { cancel, confirm, isCancel, multiselect, text } from '@clack/prompts';
import { type ImageEntry, imageNameProblem, printable } from '../../src/images/index.js';
import { formatBytes, shortened } from './quantities.js';
import { Interrupted } from '../../src/command/run-command.js';

export interface AskedTarget {
  readonly target: string;
  /** The user has agreed to plaintext beyond this machine. */
  readonly isInsecure: boolean;
}

/** As long a list as anybody looks through. */
const MAX_CHOICES = 500;

/** `isSecure`: it is known already that TLS is to be spoken. */
export async function askTarget({
  isSecure,
  signal,
}: {
  readonly isSecure: boolean;
  readonly signal: AbortSignal;
}): Promise<AskedTarget> {
  const host = answered(
    await text({
      message: 'Address of the image server?',
      placeholder: '127.0.0.1',
      defaultValue: '127.0.0.1',
      validate: (value) => (/[\s/]/.test(value ?? '') ? 'An IP address or a host name' : undefined),
      signal,
    }),
  ).trim();
  const port = answered(
    await text({
      message: 'Port?',
      placeholder: '5005',
      defaultValue: '5005',
      validate: (value) =>
        value === undefined || value === '' || isPort(value) ? undefined : 'A number from 1 to 65535',
      signal,
    }),
  );
  const isLocal = /^(?:localhost|127\.[\d.]+|\[?::1\]?)$/i.test(host);
  if (!isLocal && !isSecure) {
    const message = `${host} is not this machine, and the transfer is not encrypted. Go on?`;
    if (!answered(await confirm({ message, initialValue: false, signal }))) stop();
  }
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return { target: `${isSecure ? 'udps' : 'udp'}://${bracketed}:${port}`, isInsecure: !isLocal && !isSecure };
}

export async function askNames(images: AsyncIterable<ImageEntry>, signal: AbortSignal): Promise<string[]> {
  const choices: { value: string; label: string; hint: string }[] = [];
  let isCut = false;
  for await (const { name, size } of images) {
    if (choices.length === MAX_CHOICES) {
      isCut = true;
      break;
    }
    if (imageNameProblem(name) !== undefined) continue;
    choices.push({ value: name, label: shortened(printable(name), 50), hint: formatBytes(size) });
  }
  if (choices.length === 0) return [];
  const message = isCut
    ? `Which images? (the first ${MAX_CHOICES}; give others by name)`
    : `Which of the ${choices.length} images?`;
  return answered(await multiselect({ message, options: choices, maxItems: 12, required: true, signal }));
}

export async function askDirectory(signal: AbortSignal): Promise<string> {
  return answered(
    await text({ message: 'Into which directory?', placeholder: '.', defaultValue: '.', signal }),
  );
}

/** Ctrl-C and Escape leave the question, and the command. */
function answered<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) stop();
  return answer as Exclude<T, symbol>;
}

function stop(): never {
  cancel('Nothing was fetched.');
  throw new Interrupted('SIGINT');
}

function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}
