/**
 * Someone in the middle who flips a bit of one datagram while two sides connect, at each of its bytes in turn. He does not seal it
 * again: what he touches is dropped as damaged, and what is sent in its place arrives. See altered-handshake.test.ts for one who does.
 */
import { certificates } from '../../support/certificates.js';
import { closeAll, connectTo, relayTo, serveEcho, type TlsServer } from '../../support/tls-fixture.js';
import { type Fate, type Passing, unchanged } from '../../support/datagram-relay.js';
import { isLong, printFigures } from '../../support/long-run.js';

afterEach(closeAll);

const TRIES = isLong ? 2_000 : 60;
const AT_ONCE = 30;
const transport = { initialRttMs: 50 };

/** A byte of a datagram. */
interface Place {
  readonly from: Passing['from'];
  readonly index: number;
  readonly offset: number;
}

interface Tried {
  readonly place: Place;
  readonly wasFlipped: boolean;
  readonly payload: Uint8Array;
  readonly answer: Uint8Array;
  readonly damagedAtClient: number;
}

/** Of all datagrams with a packet of the handshake, of a connection that nobody disturbs. */
async function handshakePlaces(server: TlsServer, ca: string): Promise<readonly Place[]> {
  const places: Place[] = [];
  const relay = await relayTo(server, () => (passing) => {
    const { from, index, bytes } = passing;
    const isLongHeader = ((bytes[0] ?? 0) & 0x80) !== 0;
    if (isLongHeader) places.push(...Array.from(bytes, (_, offset) => ({ from, index, offset })));
    return unchanged(passing);
  });
  const { channel, client } = connectTo(relay.port, { tls: { ca }, transport });
  await client.echo({ payload: Uint8Array.of(1) });
  await channel.close();
  return places;
}

async function tryWith(server: TlsServer, ca: string, place: Place, mask: number): Promise<Tried> {
  let wasFlipped = false;
  const fate: Fate = ({ from, index, bytes }) => {
    if (from === place.from && index === place.index) {
      // Signatures differ in length by some bytes.
      const at = place.offset % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      wasFlipped = true;
    }
    return [bytes];
  };
  const relay = await relayTo(server, () => fate);
  const { channel, client } = connectTo(relay.port, { tls: { ca }, transport });
  const payload = new TextEncoder().encode(JSON.stringify(place));
  const { payload: answer } = await client.echo({ payload }, { retry: false, timeoutMs: 20_000 });
  const damagedAtClient = channel.stats()?.packetsDamaged ?? 0;
  await channel.close();
  await relay.close();
  return { place, wasFlipped, payload, answer, damagedAtClient };
}

test(`[TLS-2] a bit of a handshake datagram flipped, ${TRIES} times: it is dropped, and its repeat arrives`, async () => {
  const { authority, localServer } = await certificates();
  // The relays go as soon as their clients have, and take the last datagram along: the server has each connection for a while.
  const server = await serveEcho({
    tls: localServer,
    transport,
    limits: { maxConnectionsPerAddress: 2 * TRIES },
  });
  const all = await handshakePlaces(server, authority.cert);
  server.echoed.length = 0;
  const places = Array.from({ length: TRIES }, (_, i) => all[Math.floor((i * all.length) / TRIES)] as Place);
  const tried: Tried[] = [];
  for (let at = 0; at < TRIES; at += AT_ONCE) {
    const some = places.slice(at, at + AT_ONCE);
    tried.push(
      ...(await Promise.all(some.map((place, i) => tryWith(server, authority.cert, place, 1 << (i % 8))))),
    );
  }
  const flipped = tried.filter(({ wasFlipped }) => wasFlipped);
  const damaged = tried.filter(({ damagedAtClient }) => damagedAtClient > 0);
  printFigures(
    `bits of handshake datagrams flipped (${all.length} bytes)`,
    `${TRIES} tries`,
    `${flipped.length} flipped`,
    `${damaged.length} found damaged by the client`,
    `all answered`,
  );
  for (const { answer, payload } of tried) expect(answer).toEqual(payload);
  expect(tried.filter(({ wasFlipped, place }) => !wasFlipped && place.index === 0)).toEqual([]);
  // Whatever is flipped behind the header.
  expect(damaged.length).toBeGreaterThan(0);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  expect(server.echoed.map(text).sort()).toEqual(tried.map(({ payload }) => text(payload)).sort());
}, 900_000);
