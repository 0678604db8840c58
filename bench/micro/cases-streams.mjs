/** Bytes through two StreamSets, and datagrams through two endpoints, without a socket between. */
import { plaintextMeans } from '../../src/driver/plaintext-means.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../src/transport/connection/transport-options.js';
import { DEFAULT_ENDPOINT_LIMITS, Endpoint } from '../../src/transport/endpoint/endpoint.js';
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { BufferBudget } from '../../src/transport/stream/buffer-budget.js';
import { ChunkPool } from '../../src/transport/stream/chunk-pool.js';
import { DEFAULT_STREAM_LIMITS } from '../../src/transport/stream/stream-limits.js';
import { StreamSet } from '../../src/transport/stream/stream-set.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame } from '../../src/transport/wire/frame.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';

export function* streamCases() {
  yield streamSetCase('30 B call, 100 B answer', 30, 100);
  yield streamSetCase('64 KiB answer', 30, 65_536);
  yield endpointCase('30 B call, 100 B answer', 30, 100);
  yield endpointCase('64 KiB answer', 30, 65_536);
}

/** Open, write, frames, read, acknowledge; both ways, then retired. */
function streamSetCase(title, requestBytes, responseBytes) {
  const [request, response] = [[new Uint8Array(requestBytes)], [new Uint8Array(responseBytes)]];
  const path = { smoothedRttMs: 1, congestionWindow: 1 << 20 };
  const budget = new BufferBudget();
  const nothing = () => undefined;
  const shared = { pool: new ChunkPool(budget), budget, path };
  const options = { limits: DEFAULT_STREAM_LIMITS, emit: nothing, onBufferRoom: nothing, ...shared };
  const client = new StreamSet({ role: 'client', ...options });
  const server = new StreamSet({ role: 'server', ...options });
  const { connectionWindow: maxData, streamWindow: maxStreamData, maxStreams } = DEFAULT_STREAM_LIMITS;
  server.onPeerLimits({ maxData, maxStreamData, maxStreams });
  client.onPeerLimits({ maxData, maxStreamData, maxStreams });
  const writer = new ByteWriter(new Uint8Array(1_200));
  const carry = (from, to) => {
    while (from.hasFramesToSend) {
      writer.offset = 0;
      const builder = { space: PacketSpace.PROTECTED, writer, frames: [], isAckEliciting: false };
      from.writeControl(builder);
      from.writeStreams(builder, true);
      const reader = new ByteReader(writer.bytes.slice(0, writer.offset));
      while (reader.remaining > 0) take(to, decodeFrame(reader, PacketSpace.PROTECTED));
      for (const frame of builder.frames) from.onDelivered(frame);
    }
  };
  return {
    name: `StreamSets: ${title}`,
    run(count) {
      for (let i = 0; i < count; i++) {
        const id = client.open();
        client.write(id, request, true);
        carry(client, server);
        drain(server, id);
        server.write(id, response, true);
        carry(server, client);
        drain(client, id);
        carry(client, server);
      }
    },
  };
}

function take(streams, frame) {
  switch (frame.type) {
    case FrameType.STREAM:
      return streams.onStreamFrame(frame.streamId, frame.offset, frame.data, frame.fin, false);
    case FrameType.MAX_DATA:
      return streams.onMaxData(frame.limit);
    case FrameType.MAX_STREAM_DATA:
      return streams.onMaxStreamData(frame.streamId, frame.limit);
    case FrameType.MAX_STREAMS:
      return streams.onMaxStreams(frame.limit);
  }
}

function drain(streams, id) {
  for (let piece = streams.read(id); piece !== undefined && piece !== 'end';) piece = streams.read(id);
}

/** The same through everything below the drivers: protection, recovery, congestion control, ACKs. */
function endpointCase(title, requestBytes, responseBytes) {
  const [request, response] = [[new Uint8Array(requestBytes)], [new Uint8Array(responseBytes)]];
  const pair = new Wire();
  return {
    name: `two endpoints: ${title}`,
    run(count) {
      for (let i = 0; i < count; i++) pair.call(request, response);
    },
  };
}

class Wire {
  constructor() {
    this.now = 1_000;
    this.client = endpoint('client');
    this.server = endpoint('server');
    this.connection = this.client.connect({ ip: '10.0.0.2', port: 1 }, 0, this.now);
    while (!this.connection.isReady) this.carry();
  }

  call(request, response) {
    const id = this.connection.openStream();
    if (id === undefined) throw new Error('no stream is free');
    this.connection.writeStream(id, request, true);
    this.client.touch(this.connection);
    this.answer = response;
    this.isAnswered = false;
    while (!this.isAnswered) this.carry();
  }

  carry() {
    this.now += 0.1;
    this.move(this.client, this.server, { ip: '10.0.0.1', port: 1 });
    this.move(this.server, this.client, { ip: '10.0.0.2', port: 1 });
    this.client.handleTimeout(this.now);
    this.server.handleTimeout(this.now);
  }

  move(from, to, address) {
    for (let sent = from.pollTransmit(this.now); sent; sent = from.pollTransmit(this.now)) {
      // A socket hands over memory of its own, too.
      to.handleDatagram(sent.bytes.slice(0, sent.length), address, 0, this.now);
      from.release(sent);
      this.events(this.client);
      this.events(this.server);
    }
    this.events(from);
  }

  events(side) {
    for (let next = side.pollEvent(); next !== undefined; next = side.pollEvent()) {
      if (next.kind !== 'connection' || next.event.kind !== 'streamReadable') continue;
      const { streamId } = next.event;
      let piece = next.connection.readStream(streamId);
      while (piece !== undefined && piece !== 'end') piece = next.connection.readStream(streamId);
      if (piece !== 'end') continue;
      if (side === this.client) this.isAnswered = true;
      else next.connection.writeStream(streamId, this.answer, true);
      side.touch(next.connection);
    }
  }
}

function endpoint(role) {
  let state = role === 'client' ? 1 : 2;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return new Endpoint(
    {
      role,
      versions: [ProtocolVersion.PLAINTEXT],
      options: DEFAULT_TRANSPORT_OPTIONS,
      limits: DEFAULT_ENDPOINT_LIMITS,
    },
    {
      ...plaintextMeans({
        bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
        fraction: next,
      }),
      onHandshakeWake: () => undefined,
      onBufferRoom: () => undefined,
    },
  );
}
