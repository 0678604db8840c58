/** Whose answers a server gives again: under mTLS those of the certificate that it has verified, and of no other. */
import { AddRequest, AddResponse, TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createServer, type ServiceImplementation, Status } from '../../src/index.js';
import { writeRequestHeader } from '../../src/rpc/framing/request-header.js';
import { decodeTrailer } from '../../src/rpc/framing/trailer.js';
import { UnitType } from '../../src/rpc/framing/unit.js';
import { UnitReader } from '../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../src/rpc/framing/unit-writer.js';
import { ANY_METADATA } from '../support/any-metadata.js';
import { type Certificates, certificates, type Identity } from '../support/certificates.js';
import { closeAll as closeClients, connectClient } from '../support/udp-fixture.js';

let made: Certificates;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  made = await certificates();
});
afterEach(async () => {
  await closeClients();
  for (const close of closing.splice(0)) await close();
});

/** Each call of `add` gets the number of those that have come to the handler. */
async function serve(): Promise<number> {
  const { authority, localServer } = made;
  const server = createServer({ tls: { ...localServer, requestCert: true, ca: authority.cert } });
  let count = 0n;
  const implementation: Partial<ServiceImplementation<typeof TestServiceDefinition>> = {
    add: async () => ({ total: ++count }),
  };
  server.add(TestServiceDefinition, implementation as ServiceImplementation<typeof TestServiceDefinition>);
  closing.push(() => server.shutdown({ graceMs: 0 }));
  return server.listen('127.0.0.1:0');
}

/** The request with this instance and sequence 0, over a connection of its own: whoever sends it may have read it elsewhere. */
async function send(
  port: number,
  { cert, key }: Identity,
  attempt: number,
): Promise<{ code: Status; total: bigint | undefined }> {
  const client = await connectClient(`udps://127.0.0.1:${port}`, {
    tls: { ca: made.authority.cert, cert, key },
  });
  await client.ready;
  const writer = new UnitWriter();
  const header = {
    path: 'test.v1.TestService/Add',
    timeoutMs: 5_000,
    clientInstance: new Uint8Array(16).fill(7),
    sequence: 0,
    attempt,
    ageMs: 10,
    isDeclaredIdempotent: false,
    metadata: undefined,
  };
  writeRequestHeader(writer, header, ANY_METADATA);
  writer.message(AddRequest.encode({ key: 'k', amount: 1n }).finish());
  const reader = new UnitReader(10_000);
  reader.push(await client.echo(writer.bytes.slice()));
  let total: bigint | undefined;
  for (let unit = reader.next(); unit !== undefined; unit = reader.next()) {
    if (unit.type === UnitType.MESSAGE) total = AddResponse.decode(unit.body).total;
    else if (unit.type === UnitType.TRAILER)
      return { code: decodeTrailer(unit.body, ANY_METADATA).code, total };
  }
  throw new Error('an answer without a trailer');
}

test('[AMO-5] [AMO-7] the same request ID gets the first answer again by the same certificate, and its own by another', async () => {
  const port = await serve();
  const { client, otherClient } = made;
  expect(await send(port, client, 1)).toEqual({ code: Status.OK, total: 1n });
  expect(await send(port, client, 2)).toEqual({ code: Status.OK, total: 1n });
  expect(await send(port, otherClient, 1)).toEqual({ code: Status.OK, total: 2n });
  expect(await send(port, otherClient, 2)).toEqual({ code: Status.OK, total: 2n });
  expect(await send(port, client, 3)).toEqual({ code: Status.OK, total: 1n });
});

test('[AMO-7] who says that it asks again, and has not asked by its certificate, is not given the answer of another', async () => {
  const port = await serve();
  expect(await send(port, made.client, 1)).toEqual({ code: Status.OK, total: 1n });
  expect(await send(port, made.otherClient, 2)).toEqual({ code: Status.OK, total: 2n });
});
