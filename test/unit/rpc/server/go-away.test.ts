import { Status } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { type GoAway, GoAwayReader } from '../../../../src/rpc/framing/go-away.js';
import { settle } from '../../../support/manual-clock.js';
import { ServedTransport } from '../../../support/served-transport.js';
import { PUT, ServerFixture } from '../../../support/server-fixture.js';

/** What the transport was told to write, as it goes onto the stream. */
class Recording extends ServedTransport {
  override serverStreamId: number | undefined = 1;
  readonly said: number[] = [];

  override writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    if (streamId !== 1) return super.writeStream(streamId, pieces, fin);
    const bytes = pieces.flatMap((piece) => [...piece]).slice(0, this.room);
    this.said.push(...bytes);
    return bytes.length;
  }

  get goAway(): GoAway | undefined {
    const reader = new GoAwayReader();
    reader.push(Uint8Array.from(this.said));
    return reader.end();
  }
}

async function serve(): Promise<{ fixture: ServerFixture; client: Recording }> {
  const fixture = new ServerFixture();
  const client = new Recording();
  fixture.server.add(TestServiceDefinition, fixture.implementation);
  await fixture.server.listen('127.0.0.1:0');
  fixture.acceptor.connect(client);
  return { fixture, client };
}

describe('[RPC-15] a server that shuts down', () => {
  test('says so to each client, with the last stream that it knows, and the calls there go on', async () => {
    const { fixture, client } = await serve();
    client.request(0, { path: PUT, sequence: 0 });
    client.request(2, { path: PUT, sequence: 1 });
    void fixture.server.shutdown();
    expect(client.goAway).toEqual({ lastStreamId: 2 });
    expect(client.log).toEqual(['stop 1 0']);
    client.request(4, { path: PUT, sequence: 2 });
    expect(client.status(4)).toMatchObject({ code: Status.UNAVAILABLE, notStarted: true });
    for (const put of fixture.puts) put.resolve({ value: 1n });
    await settle();
    expect([0, 2].map((id) => client.status(id).code)).toEqual([Status.OK, Status.OK]);
  });

  test('says so where no call was made, and not where it may not or has no room', async () => {
    const { fixture, client } = await serve();
    const [early, full] = [new Recording(), new Recording()];
    early.serverStreamId = undefined;
    full.room = 2;
    for (const each of [early, full]) fixture.acceptor.connect(each);
    const busy = new ServedTransport();
    busy.serverStreamId = undefined;
    fixture.acceptor.connect(busy).request(0, { path: PUT });
    void fixture.server.shutdown();
    expect(client.goAway).toEqual({ lastStreamId: undefined });
    expect([early.said, early.log, busy.log]).toEqual([[], [], []]);
    expect(full.log).toEqual(['stop 1 0', 'reset 1 0']);
    fixture.puts[0]?.resolve({ value: 1n });
    await settle();
  });
});
