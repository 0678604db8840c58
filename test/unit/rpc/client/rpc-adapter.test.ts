import { Status } from 'nice-grpc-common';
import {
  ChatRequest,
  EchoResponse,
  TestServiceClientImpl,
  TestServiceDefinition,
} from '../../../../generated/test/v1/test.js';
import { ImageServiceClientImpl } from '../../../../generated/image/v1/image.js';
import { rpcFromChannel } from '../../../../src/rpc/client/rpc-adapter.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';

const request = { payload: Uint8Array.of(1), delayMs: 0, failWithCode: 0, failWithDetails: '' };

describe('rpcFromChannel', () => {
  test('carries the generated clients of ts-proto, whatever kinds of methods they have', async () => {
    const fixture = new ClientFixture();
    const client = new TestServiceClientImpl(rpcFromChannel(fixture.channel));
    expect(new ImageServiceClientImpl(rpcFromChannel(fixture.channel))).toBeDefined();
    const call = new Outcome(client.echo(request));
    const transport = fixture.connector.ready();
    expect(transport.request(0).header.path).toBe('test.v1.TestService/Echo');
    transport.answer(0, EchoResponse.encode({ payload: Uint8Array.of(7) }).finish());
    await settle();
    expect(call.value).toEqual({ payload: Uint8Array.of(7) });
  });

  test('takes methods for undeclared, unless it has the definition', () => {
    const fixture = new ClientFixture();
    const plain = new TestServiceClientImpl(rpcFromChannel(fixture.channel));
    const informed = new TestServiceClientImpl(
      rpcFromChannel(fixture.channel, { definitions: [TestServiceDefinition] }),
    );
    void plain.echo(request);
    const transport = fixture.connector.connected();
    expect(transport.streamCount).toBe(0);
    void informed.echo(request);
    expect(transport.streamCount).toBe(1);
  });

  test('passes the signal and the options on', async () => {
    const fixture = new ClientFixture();
    const client = new TestServiceClientImpl(
      rpcFromChannel(fixture.channel, { callOptions: { timeoutMs: 700 } }),
    );
    const controller = new AbortController();
    const call = new Outcome(client.echo(request, controller.signal));
    expect(fixture.connector.ready().request(0).header.timeoutMs).toBe(700);
    controller.abort();
    await settle();
    expect(call.error).toMatchObject({ name: 'AbortError', code: Status.CANCELLED });
  });

  test('streams go through it as bytes both ways', async () => {
    const fixture = new ClientFixture();
    const client = new TestServiceClientImpl(rpcFromChannel(fixture.channel));
    const message = ChatRequest.encode({ payload: Uint8Array.of(7) }).finish();
    const answers = client.chat(
      (async function* one() {
        yield { payload: Uint8Array.of(7) };
      })(),
    );
    const next = new Outcome(answers[Symbol.asyncIterator]().next());
    const transport = fixture.connector.ready();
    await settle();
    expect(transport.request(0)).toMatchObject({ messages: [message], isFinished: true });
    transport.answer(0, message);
    await settle();
    expect(next.value).toEqual({ done: false, value: { payload: Uint8Array.of(7) } });
  });
});
