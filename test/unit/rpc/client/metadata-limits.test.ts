/** [RPC-7] What a client sends and takes of metadata, to the byte, and what becomes of a call with more. */
import { Metadata, Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { OK_TRAILER } from '../../../../src/rpc/framing/trailer.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes } from '../../../support/scripted-transport.js';

const withBytes = (size: number): Metadata => Metadata({ k: 'x'.repeat(size - 1) });
const message = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

describe.each([
  ['by default', {}, 8_192],
  ['smaller', { maxSendMetadataBytes: 10, maxReceiveMetadataBytes: 10 }, 10],
  ['larger', { maxSendMetadataBytes: 11_903, maxReceiveMetadataBytes: 11_903 }, 11_903],
])('%s', (_which, options, limit) => {
  test('what is at the limit is sent; one byte more gets no connection and no stream', async () => {
    const fixture = new ClientFixture(options);
    const above = fixture.echo({ metadata: withBytes(limit + 1) });
    await settle();
    expect(above.error).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: `request metadata of ${limit + 1} bytes is above this client's maxSendMetadataBytes of ${limit} bytes`,
      maybeExecuted: false,
      attempts: 0,
    });
    expect(fixture.connector.attempts).toEqual([]);
    fixture.echo({ metadata: withBytes(limit) });
    const transport = fixture.connector.ready();
    const again = fixture.echo({ metadata: withBytes(limit + 1) });
    await settle();
    expect([again.error.code, transport.streamCount]).toEqual([Status.RESOURCE_EXHAUSTED, 1]);
    expect(transport.request(0).header.metadata?.get('k')).toHaveLength(limit - 1);
  });

  test.each(['header', 'trailer'] as const)('a %s at the limit is taken, one byte more not', async (part) => {
    const fixture = new ClientFixture(options);
    const received: Metadata[] = [];
    const note = (metadata: Metadata): void => void received.push(metadata);
    const above = fixture.echo();
    const next = fixture.echo(part === 'header' ? { onHeader: note } : { onTrailer: note });
    const transport = fixture.connector.ready();
    const answer = (metadata: Metadata): Uint8Array =>
      responseBytes({ message, [part]: part === 'header' ? metadata : { ...OK_TRAILER, metadata } });
    transport.deliver(0, answer(withBytes(limit + 1)), 'end');
    transport.deliver(2, answer(withBytes(limit)), 'end');
    await settle();
    expect(above.error).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: `${part} metadata of ${limit + 1} bytes is above this client's maxReceiveMetadataBytes of ${limit} bytes`,
      maybeExecuted: true,
      attempts: 1,
    });
    expect(transport.log).toContain(`stop 0 ${ResetCode.TOO_LARGE}`);
    expect(next.value).toEqual({ payload: Uint8Array.of(1) });
    expect(received.map((each) => each.get('k')?.length)).toEqual([limit - 1]);
    expect(fixture.connector.attempts).toHaveLength(1);
    expect(transport.log.filter((line) => line.startsWith('close'))).toEqual([]);
  });
});
