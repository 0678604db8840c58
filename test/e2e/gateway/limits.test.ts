/** What is too large for a gateway's limits is refused in words that name the limit; what is just within goes through. */
import { Metadata, Status } from '../../../src/index.js';
import { patternBytes } from '../../support/temporary-directory.js';
import { bytes, drain, outcome } from './bytes-service.js';
import { type RouteOptions, ROUTES } from './routes.js';

const LIMIT_BYTES = 4_194_304;
const whole = patternBytes(LIMIT_BYTES, 6);

describe.each(ROUTES)('$route', ({ open }) => {
  test('a message of 4 MiB goes both ways, byte for byte', async () => {
    const { client } = await open(async function* (call) {
      for await (const message of call.requests) yield message;
    });
    const { code, messages } = await outcome(client.call('Bidi', [whole]));
    expect(code).toBe(Status.OK);
    expect(messages).toHaveLength(1);
    expect(Buffer.compare(messages[0] ?? new Uint8Array(), whole)).toBe(0);
  });

  test.each(['Unary', 'Bidi'] as const)('a larger request of %s is RESOURCE_EXHAUSTED', async (name) => {
    const { client } = await open(async function* (call) {
      await drain(call.requests);
      yield bytes('unheard');
    });
    const { code, details } = await outcome(client.call(name, [new Uint8Array(LIMIT_BYTES + 1)]));
    expect(code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(details).toMatch(/4194305 bytes is above .*max(Send|Receive)MessageBytes/);
  });

  test.each(['Unary', 'Bidi'] as const)('a larger answer of %s is RESOURCE_EXHAUSTED', async (name) => {
    const { client } = await open(async function* () {
      yield new Uint8Array(LIMIT_BYTES + 1);
    });
    const { code, details } = await outcome(client.call(name, [bytes('ask')]));
    expect(code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(details).toMatch(/4194305 bytes is above .*max(Send|Receive)MessageBytes/);
  });

  test.each([
    {
      what: 'of more than 8,192 bytes',
      metadata: Metadata({ k: 'v'.repeat(8_192) }),
      reason: /of \d+ bytes is above .*MetadataBytes of 8192/,
    },
    {
      what: 'of 65 entries',
      metadata: Metadata(Array.from({ length: 65 }, (_, index) => [`k${index}`, 'v'])),
      reason: /more than 64 entries/,
    },
  ])('metadata $what are RESOURCE_EXHAUSTED', async ({ metadata, reason }) => {
    const { client } = await open(async function* (call) {
      await drain(call.requests);
      yield bytes('done');
    });
    const sent = await outcome(client.call('Unary', [bytes('ask')], { metadata }));
    expect(sent.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(sent.details).toMatch(reason);
  });

  test.each(['header', 'trailer'] as const)('so are those of a %s', async (where) => {
    const large = 'v'.repeat(8_192);
    const { client } = await open(async function* (call) {
      await drain(call.requests);
      if (where === 'header') call.sendHeader(Metadata({ k: large }));
      else call.trailer.set('k', large);
      yield bytes('done');
    }, UNWARNED);
    const { code, details } = await outcome(client.call('Bidi', [bytes('ask')]));
    expect(code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(details).toMatch(/of \d+ bytes is above .*MetadataBytes of 8192/);
  });

  test('other limits are asked for where the UDP side has its options', async () => {
    const options = {
      channel: { maxSendMessageBytes: 100, maxSendMetadataBytes: 11_000, maxReceiveMessageBytes: 200 },
      server: { maxReceiveMessageBytes: 100, maxReceiveMetadataBytes: 11_000, maxSendMessageBytes: 200 },
    };
    const { client } = await open(async function* (call) {
      await drain(call.requests);
      yield new Uint8Array(call.metadata.has('large') ? 201 : 200);
    }, options);
    const metadata = Metadata({ k: 'v'.repeat(10_000) });
    expect((await outcome(client.call('Bidi', [new Uint8Array(100)], { metadata }))).code).toBe(Status.OK);
    const tooLarge = await outcome(client.call('Bidi', [new Uint8Array(101)]));
    expect(tooLarge.details).toMatch(/101 bytes is above .* 100/);
    const answered = await outcome(client.call('Bidi', [bytes('')], { metadata: Metadata({ large: '' }) }));
    expect(answered.details).toMatch(/201 bytes is above .* 200/);
  });
});

/** What the server side warns of, whoever runs it: here that is what the test is about. */
const UNWARNED: RouteOptions = { server: { warn: () => undefined } };
