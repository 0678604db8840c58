/**
 * Listens on every link and checks what only the wire shows. Whoever listens can open what is sent in a simulation, so each
 * datagram that an endpoint sends is opened and decoded here, and its frames are held against what was granted,
 * delivered and sent before. Knows nothing of the endpoints but their datagrams.
 *
 * Checked: everything sent is well formed · packet numbers strictly increase · keys change in step (`key-trail.ts`) · an ACK names only packets that arrived ·
 * limits never decrease and are never passed · at most 3 bytes go to an unvalidated address for each that came from it ·
 * a client's hello datagram is padded · a client follows one RETRY · a token proves the address that it went to · no datagram above what the receiver takes · none but probes above 1,200 bytes
 * and above what a probe has shown to arrive · stateless resets: see `reset-watch.ts`.
 */
import { type Datagram } from '../../../src/sim/link.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../src/transport/wire/byte-reader.js';
import { decodeFrame, type Frame } from '../../../src/transport/wire/frame.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import {
  decodeHeader,
  type HelloHeader,
  readTruncatedPacketNumber,
  type RetryHeader,
  type ShortHeader,
} from '../../../src/transport/wire/header.js';
import { decodePacketNumber } from '../../../src/transport/wire/packet-number.js';
import { type Address } from '../../../src/transport/path/path.js';
import { Party } from './party.js';
import { ResetWatch } from './reset-watch.js';
import { type SimProtection } from './sim-protection.js';
import { check } from './violation.js';

export interface WireTapOptions {
  readonly protection: () => SimProtection;
  readonly isServer: (ip: string) => boolean;
  /** To what a side may tune the window of a stream. */
  readonly mostStreamWindow: (isServer: boolean) => number;
  /** A server that starts again makes the tokens of before. */
  readonly keepsResetKey: () => boolean;
  /** A connection of this server takes the address of this client for good at this moment. */
  readonly isValidated: (server: Address, client: Address) => boolean;
  readonly onFrame: (type: number, space: PacketSpace) => void;
  /** A hello arrives from where this token was sent. */
  readonly onToken: (kind: 'retry' | 'address') => void;
}

/** One packet of a datagram as its sender sealed it. */
interface SeenPacket {
  readonly sender: Party;
  readonly space: PacketSpace;
  readonly packetNumber: number;
  /** Where it is addressed to, as hexadecimal digits. */
  readonly destinationId: string;
  /** PING and PADDING: what a path MTU probe is made of. */
  readonly isProbe: boolean;
  /** The bytes of its PATH_RESPONSEs, as hexadecimal digits. */
  readonly responses: readonly string[];
  /** Of a HELLO packet, as hexadecimal digits; undefined: none. */
  readonly token: string | undefined;
}

/** The way between a server's address and another, whatever goes there. */
interface TappedPath {
  sentBytes: number;
  receivedBytes: number;
  isValidated: boolean;
  /** Handshakes came from there. */
  hasHello: boolean;
  /** Something passed that cannot be read from outside: only the server knows whether a challenge was in it. */
  isOpaque: boolean;
}

export class WireTap {
  readonly #options: WireTapOptions;
  readonly #parties = new Map<string, Party>();
  /** Who sends to a connection ID: more than one after a hello was replayed to a server that had forgotten it. */
  readonly #senders = new Map<string, Set<Party>>();
  readonly #meddledIds = new Set<string>();
  /** What each datagram on its way holds. */
  readonly #seen = new WeakMap<Uint8Array, readonly SeenPacket[]>();
  readonly #paths = new Map<string, TappedPath>();
  /** Where each challenge of a server went: who answers it is there. */
  readonly #challenges = new Map<string, TappedPath>();
  readonly #resets = new ResetWatch();
  /** By the source ID of a hello, as it came to a server, altered or not: the destination IDs it came with. */
  readonly #askedIds = new Map<string, Uint8Array[]>();
  /** By the source ID of a RETRY, as hexadecimal digits. */
  readonly #retries = new Set<string>();
  /** Where each token went: to an address by RETRY, to a host by NEW_TOKEN. */
  readonly #tokens = new Map<string, { readonly kind: 'retry' | 'address'; readonly to: string }>();
  /** Packets pass that cannot be read: there may be connection IDs of which nothing is known. */
  #isBlind = false;

  constructor(options: WireTapOptions) {
    this.#options = options;
  }

  onSent(datagram: Datagram): void {
    const { from, to, bytes } = datagram;
    const packets = this.#readDatagram(datagram);
    this.#seen.set(bytes, packets);
    if (this.#options.isServer(from.ip)) {
      if (packets.length === 0 && !this.#isBlind && this.#isReset(bytes))
        this.#resets.onSent(addressText(from, to), bytes, this.#options.keepsResetKey());
      const path = this.#path(from.ip, from.port, to.ip, to.port);
      path.sentBytes += bytes.length;
      path.isOpaque ||= packets.length === 0;
      const isWithinLimit = path.isValidated || path.sentBytes <= 3 * path.receivedBytes;
      if (!isWithinLimit && path.isOpaque) path.isValidated = this.#options.isValidated(from, to);
      check(
        isWithinLimit || path.isValidated,
        () => `${path.sentBytes} bytes sent to an unvalidated address that sent ${path.receivedBytes}`,
      );
    }
  }

  onDelivered(datagram: Datagram): void {
    const { from, to, bytes } = datagram;
    const originals = datagram.madeOf ?? [datagram];
    const packets = originals.flatMap((original) => this.#seen.get(original.bytes) ?? []);
    for (const { sender, space, packetNumber } of packets) sender.onArrived(space, packetNumber);
    if (!this.#options.isServer(to.ip)) return;
    this.#resets.onDelivered(addressText(to, from), bytes);
    this.#onAsked(bytes);
    const path = this.#path(to.ip, to.port, from.ip, from.port);
    path.receivedBytes += bytes.length;
    path.isOpaque ||= packets.length === 0;
    for (const { space, destinationId, responses, token } of packets) {
      if (token !== undefined) this.#onTokenArrived(token, from, path);
      path.hasHello ||= space === PacketSpace.HELLO;
      // Where hellos come from, who knows the server's ID has received its answer; elsewhere only a challenge tells.
      if (path.hasHello && this.#parties.get(destinationId)?.isServer === true) path.isValidated = true;
      for (const response of responses) {
        const challenged = this.#challenges.get(response);
        if (challenged !== undefined) challenged.isValidated = true;
      }
    }
  }

  /** Whether the client has shown that it is there, or may have in a datagram that cannot be read from outside. */
  isProven(server: Address, client: Address): boolean {
    const { isValidated, isOpaque } = this.#path(server.ip, server.port, client.ip, client.port);
    return isValidated || isOpaque;
  }

  /** It seals with what it was told that its client said; a client's own packets only depend on what it says itself. */
  onAlteredServer(localId: Uint8Array): void {
    this.#meddledIds.add(hex(localId));
  }

  /** How many different packets arrived for this connection ID; undefined where several may have sent to it. */
  arrivedFor(localId: Uint8Array): number | undefined {
    const party = this.#parties.get(hex(localId));
    return party === undefined || party.isAmbiguous ? undefined : party.peer?.arrivedCount;
  }

  #readDatagram(datagram: Datagram): SeenPacket[] {
    const { bytes, from, to } = datagram;
    const packets: SeenPacket[] = [];
    let hasHello = false;
    for (let offset = 0; offset < bytes.length;) {
      const header = decodeHeader(bytes, offset, CONNECTION_ID_BYTES);
      check(typeof header !== 'string', () => `sent a packet whose header is ${JSON.stringify(header)}`);
      offset = header.packetEnd;
      if (header.kind === 'hello' || header.kind === 'short') {
        hasHello ||= header.kind === 'hello';
        const packet = this.#readPacket(datagram, header);
        if (packet !== undefined) packets.push(packet);
      } else if (header.kind === 'retry') this.#onRetrySent(datagram, header);
    }
    check(
      !hasHello || this.#options.isServer(from.ip) || bytes.length >= SMALLEST_HELLO_BYTES,
      () => `a client's hello datagram of ${bytes.length} bytes`,
    );
    const largest = packets[0]?.sender.peer?.maxDatagramSize ?? Infinity;
    check(
      bytes.length <= largest,
      () => `a datagram of ${bytes.length} bytes to a peer that takes ${largest}`,
    );
    const [first] = packets;
    if (first?.isProbe === true) first.sender.onProbe(first.packetNumber, bytes.length, to.ip);
    const proven = first?.isProbe === false ? first.sender.provenBytes(to.ip) : Infinity;
    check(
      bytes.length <= proven,
      () => `a datagram of ${bytes.length} bytes where ${proven} were found to arrive`,
    );
    return packets;
  }

  #readPacket(datagram: Datagram, header: HelloHeader | ShortHeader): SeenPacket | undefined {
    const { bytes } = datagram;
    const destinationId = hex(header.destinationId);
    const space = header.kind === 'hello' ? PacketSpace.HELLO : PacketSpace.PROTECTED;
    if (header.kind === 'hello' && !this.#onHello(datagram, header, destinationId)) return undefined;
    const sender = this.#senderTo(destinationId);
    if (space === PacketSpace.PROTECTED && this.#meddledIds.has(sender?.id ?? '')) return undefined;
    const keyPhase = header.kind === 'short' ? header.keyPhase : 0;
    const opener = sender?.opener(space, keyPhase);
    if (sender === undefined || opener === undefined) {
      if (this.#senders.has(destinationId)) this.#isBlind = true;
      return undefined;
    }
    const previous = sender.lastSent(space);
    const truncated = readTruncatedPacketNumber(bytes, header);
    const packetNumber = decodePacketNumber(truncated, header.packetNumberLength, previous);
    const { headerStart, payloadStart, packetEnd } = header;
    const payload = opener.open(packetNumber, bytes, headerStart, payloadStart, packetEnd);
    if (payload === undefined && header.kind === 'hello' && this.#isRefusal(bytes, header)) return undefined;
    check(payload !== undefined, () => 'sent a packet that does not open');
    check(packetNumber > previous, () => `packet number ${packetNumber} after ${previous} in space ${space}`);
    sender.onSent(space, packetNumber, keyPhase);
    let isProbe = true;
    const responses: string[] = [];
    const { from, to } = datagram;
    for (const frame of framesOf(payload, space)) {
      this.#options.onFrame(frame.type, space);
      sender.onFrame(frame, space);
      if (frame.type === FrameType.NEW_CONNECTION_ID) {
        this.#onNewId(hex(frame.connectionId), sender);
        this.#resets.onToken(frame.connectionId, frame.resetToken);
      }
      if (frame.type === FrameType.NEW_TOKEN)
        this.#tokens.set(hex(frame.token), { kind: 'address', to: to.ip });
      if (frame.type === FrameType.PATH_RESPONSE) responses.push(hex(frame.bytes));
      if (frame.type === FrameType.PATH_CHALLENGE && sender.isServer)
        this.#challenges.set(hex(frame.bytes), this.#path(from.ip, from.port, to.ip, to.port));
      isProbe &&= frame.type === FrameType.PING || frame.type === FrameType.PADDING;
    }
    const hasToken = header.kind === 'hello' && header.token.length > 0;
    const token = hasToken ? hex(header.token) : undefined;
    return { sender, space, packetNumber, destinationId, isProbe, responses, token };
  }

  #onAsked(bytes: Uint8Array): void {
    const header = decodeHeader(bytes, 0, CONNECTION_ID_BYTES);
    if (typeof header === 'string' || header.kind !== 'hello') return;
    const sourceId = hex(header.sourceId);
    const asked = this.#askedIds.get(sourceId) ?? [];
    asked.push(header.destinationId.slice());
    this.#askedIds.set(sourceId, asked);
  }

  /** Smaller than any hello, authentic for the hello that it answers, and only from a server. */
  #onRetrySent({ from, to, bytes }: Datagram, header: RetryHeader): void {
    check(this.#options.isServer(from.ip), () => 'a RETRY of a client');
    check(bytes.length < SMALLEST_HELLO_BYTES, () => `a RETRY of ${bytes.length} bytes`);
    this.#retries.add(hex(header.sourceId));
    const { headerStart, tokenStart, packetEnd, destinationId } = header;
    const isAuthentic = this.#askedIds.get(hex(destinationId))?.some((id) => {
      const { opener } = this.#options.protection().helloProtection(header.version, id, 'client').retry;
      return opener.open(0, bytes, headerStart, packetEnd - opener.overhead, packetEnd) !== undefined;
    });
    check(isAuthentic === true, () => 'a RETRY that does not open under an ID that was asked for');
    const { overhead } = this.#options.protection().helloProtection(header.version, destinationId, 'client')
      .retry.opener;
    this.#tokens.set(hex(bytes.subarray(tokenStart, packetEnd - overhead)), {
      kind: 'retry',
      to: `${to.ip}:${to.port}`,
    });
  }

  /** Who comes with a token from where it went has received it there. */
  #onTokenArrived(token: string, { ip, port }: Address, path: TappedPath): void {
    const sent = this.#tokens.get(token);
    if (sent?.to !== (sent?.kind === 'retry' ? `${ip}:${port}` : ip)) return;
    this.#options.onToken(sent.kind);
    path.isValidated = true;
  }

  /** False for a refusal, which speaks in the name of the ID that it was asked under, and is nobody's. */
  #onHello(datagram: Datagram, header: HelloHeader, destinationId: string): boolean {
    const isServer = this.#options.isServer(datagram.from.ip);
    const sourceId = hex(header.sourceId);
    const peer = this.#parties.get(destinationId);
    let party = this.#parties.get(sourceId);
    if (party === undefined) {
      // A server may have taken a late copy of a hello that another answered with a RETRY.
      const helloId = isServer
        ? (peer?.helloIds.find((id) => this.#opensHello(id, datagram.bytes, header)) ?? peer?.helloIds[0])
        : header.destinationId.slice();
      if (helloId === undefined) return false;
      if (isServer && this.#isRefusal(datagram.bytes, header)) {
        // What it reads is not all its server's from now on.
        if (peer !== undefined) peer.isAmbiguous = true;
        return false;
      }
      party = new Party({
        id: sourceId,
        isServer,
        helloId,
        mostStreamWindow: this.#options.mostStreamWindow(isServer),
        protection: this.#options.protection(),
      });
      this.#parties.set(sourceId, party);
    } else if (!isServer && this.#retries.has(destinationId) && !party.isHelloId(header.destinationId))
      party.onRetryFollowed(header.destinationId.slice());
    this.#addSender(destinationId, party);
    if (peer === undefined) return true;
    this.#addSender(sourceId, peer);
    party.peer = peer;
    if (this.#senders.get(peer.id)?.size === 1) peer.peer = party;
    else peer.isAmbiguous = true;
    return true;
  }

  /** A server that takes nobody new speaks in the name of the ID that it was asked under, and remembers nothing. */
  #isRefusal(bytes: Uint8Array, header: HelloHeader): boolean {
    return this.#opensHello(header.sourceId, bytes, header);
  }

  /** Whether the HELLO packet of a server, with a low number, is protected with this ID. */
  #opensHello(helloId: Uint8Array, bytes: Uint8Array, header: HelloHeader): boolean {
    const { headerStart, payloadStart, packetEnd, version } = header;
    const { opener } = this.#options.protection().helloProtection(version, helloId, 'client');
    const packetNumber = readTruncatedPacketNumber(bytes, header);
    return opener.open(packetNumber, bytes, headerStart, payloadStart, packetEnd) !== undefined;
  }

  /** A short packet to an ID that nobody has given out. */
  #isReset(bytes: Uint8Array): boolean {
    const id = hex(bytes.subarray(1, 1 + CONNECTION_ID_BYTES));
    return ((bytes[0] ?? 0) & 0x80) === 0 && !this.#senders.has(id) && !this.#parties.has(id);
  }

  /** From now on the peer of who gave it out may use it. */
  #onNewId(id: string, owner: Party): void {
    if (owner.peer !== undefined && !owner.isAmbiguous) this.#addSender(id, owner.peer);
    if (!this.#parties.has(id)) this.#parties.set(id, owner);
  }

  #addSender(destinationId: string, sender: Party): void {
    const senders = this.#senders.get(destinationId) ?? new Set();
    senders.add(sender);
    this.#senders.set(destinationId, senders);
  }

  /** The one party that sends to this ID, or undefined when that cannot be told from outside. */
  #senderTo(destinationId: string): Party | undefined {
    const senders = this.#senders.get(destinationId);
    if (senders?.size !== 1) return undefined;
    const [sender] = senders;
    return sender;
  }

  #path(serverIp: string, serverPort: number, clientIp: string, clientPort: number): TappedPath {
    const key = addressText({ ip: serverIp, port: serverPort }, { ip: clientIp, port: clientPort });
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = { sentBytes: 0, receivedBytes: 0, isValidated: false, hasHello: false, isOpaque: false };
      this.#paths.set(key, path);
    }
    return path;
  }
}

function addressText(server: Address, client: Address): string {
  return `${server.ip}:${server.port} ${client.ip}:${client.port}`;
}

function framesOf(payload: Uint8Array, space: PacketSpace): Frame[] {
  const reader = new ByteReader(payload);
  const frames: Frame[] = [];
  while (reader.remaining > 0) frames.push(decodeFrame(reader, space));
  check(frames.length > 0, () => 'sent a packet without frames');
  return frames;
}

export function frameName(type: number): string {
  return FRAME_NAMES.get(type) ?? `0x${type.toString(16)}`;
}

function hex(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex');
}

const FRAME_NAMES = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]));
const CONNECTION_ID_BYTES = 8;
const SMALLEST_HELLO_BYTES = 1_200;
