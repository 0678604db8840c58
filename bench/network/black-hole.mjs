/**
 * A fetch of 50 MB during which the path MTU falls from 1,500 to 1,280 bytes and nobody says so: prints how large datagrams
 * were, the longest time without progress, and that the bytes are those of the server (their SHA-256 is checked by the
 * fetch). Exit code 1 when the stall was above 3 s.
 *
 *   node network/black-hole.mjs        as root, on Linux
 *
 * It makes two network namespaces joined by a veth pair at 80 Mbit/s. The MTU of the client's end falls: what is larger
 * vanishes there on arrival, without ICMP, as in a tunnel whose messages are filtered. Both are gone when it ends.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createChannel, createClient } from '../../dist/src/index.js';
import { fetchImage, ImageServiceDefinition } from '../../dist/src/images/index.js';
import { ip, LINK, mayMakeNamespaces, withNamespaces } from './namespaces.mjs';
import { temporaryDirectory } from './temporary-directory.mjs';

const IMAGE_BYTES = 50_000_000;
const MTU_BEFORE = 1_500;
const MTU_AFTER = 1_280;
/** What has arrived when the MTU falls. */
const FALLS_AT_BYTES = 20_000_000;
const MAX_STALL_MS = 3_000;
const LONGEST_RUN_MS = 60_000;
const SERVER_IP = '10.78.0.1';
const CLIENT_IP = '10.78.0.2';

if (process.argv[2] === 'fetch') await fetchAndWatch(process.argv[3]);
else if (mayMakeNamespaces()) {
  const network = {
    tag: 'hole',
    serverIp: SERVER_IP,
    clientIp: CLIENT_IP,
    rate: '80mbit',
    longestRunMs: LONGEST_RUN_MS,
  };
  await withNamespaces(network, measure);
}

async function measure(pair) {
  const serving = pair.spawn(pair.server, 'side.mjs', 'serve', 'udprpc', SERVER_IP, 'default', IMAGE_BYTES);
  const [port] = await once(serving.stdout, 'data');
  const fetching = pair.spawn(pair.client, 'black-hole.mjs', 'fetch', port.trim());
  let output = '';
  fetching.stdout.on('data', (text) => {
    if (!output.includes('\n')) ip('-n', pair.client, 'link', 'set', LINK, 'mtu', `${MTU_AFTER}`);
    output += text;
  });
  const [code] = await once(fetching, 'close');
  if (code !== 0) throw new Error(`the fetch did not end well (exit code ${code})`);
  const vanished = vanishedCount(pair.server);
  if (vanished === 0) throw new Error('no datagram was too large for the fallen MTU: nothing was measured');
  report(JSON.parse(output.trim().split('\n').at(-1)), vanished);
}

function report({ bytes, seconds, stallMs, stallAtBytes }, vanished) {
  const megabytes = (count) => (count / 1e6).toFixed(1);
  console.log(`${megabytes(bytes)} MB in ${seconds.toFixed(1)} s, the same bytes`);
  console.log(
    `path MTU ${MTU_BEFORE} -> ${MTU_AFTER} after ${megabytes(FALLS_AT_BYTES)} MB: ${vanished} datagrams vanished`,
  );
  console.log(`longest stall ${stallMs.toFixed(0)} ms, after ${megabytes(stallAtBytes)} MB`);
  if (stallMs > MAX_STALL_MS) process.exitCode = 1;
}

/** What the client's end does not take is counted at the server's. */
function vanishedCount(server) {
  const [link] = JSON.parse(ip('-n', server, '-s', '-j', 'link', 'show', LINK));
  return link.stats64.tx.dropped;
}

/** In the client's namespace: one line when the MTU is to fall, and one with the result. */
async function fetchAndWatch(port) {
  const directory = await temporaryDirectory();
  const channel = createChannel(`udp://${SERVER_IP}:${port}`, { insecure: true });
  let progressAt = performance.now();
  let hasFallen = false;
  const result = { stallMs: 0, stallAtBytes: 0 };
  const onProgress = ({ receivedBytes }) => {
    const now = performance.now();
    if (now - progressAt > result.stallMs) {
      Object.assign(result, { stallMs: now - progressAt, stallAtBytes: receivedBytes });
    }
    progressAt = now;
    if (hasFallen || receivedBytes < FALLS_AT_BYTES) return;
    hasFallen = true;
    console.log('now');
  };
  try {
    const client = createClient(ImageServiceDefinition, channel);
    const { bytes, seconds } = await fetchImage(client, 'image.bin', { directory, onProgress });
    console.log(JSON.stringify({ ...result, bytes, seconds }));
  } finally {
    await channel.close();
    await rm(directory, { recursive: true, force: true });
  }
}
