/** What an early end loses, and in what order an end is told. */
import { certificates } from '../support/certificates.js';
import { type Fact } from './fact.js';
import { type MemoryEnd, type TlsPair } from './tls-pair.js';
import { withPair } from './trusting-pair.js';

const MOMENTS = ['in the event', 'by process.nextTick', 'by setImmediate', 'after a write has left'] as const;
type Moment = (typeof MOMENTS)[number];

const WAYS_TO_BREAK: Readonly<Record<string, (end: MemoryEnd, pair: TlsPair) => void>> = {
  'is destroyed': (end) => void end.destroy(),
  'is destroyed with an error': (end) => void end.destroy(new Error('broken')),
  ends: (end) => void end.push(null),
  'refuses a write': (end, pair) => {
    end.writeError = new Error('full');
    if (end.side === 'client') pair.client.write('x');
    else pair.atServer?.write('x');
    pair.pass(end.side === 'client' ? 'server' : 'client');
  },
  'brings garbage': (end) => void end.push(Buffer.alloc(40, 0x55)),
};

export const closingFacts: readonly Fact[] = [
  ...MOMENTS.map((moment): Fact => ({
    name: `a client that is destroyed on secureConnect, ${moment}`,
    observe: () =>
      withPair({}, async (pair) => {
        pair.client.once('secureConnect', () => {
          at(moment, pair.clientEnd, () => void pair.client.destroy());
        });
        await pair.run();
        return {
          isServerSecure: pair.has('server secureConnection'),
          tickets: pair.sessions.length,
          story: pair.story('client'),
        };
      }),
  })),
  {
    name: 'a client that is ended in secureConnect',
    observe: () =>
      withPair({}, async (pair) => {
        pair.client.once('secureConnect', () => void pair.client.end());
        await pair.run();
        return pair.story();
      }),
  },
  ...MOMENTS.map((moment): Fact => ({
    name: `a server’s socket that is destroyed on secureConnection, ${moment}`,
    observe: () =>
      withPair({}, async (pair) => {
        pair.server.once('secureConnection', (socket) => {
          at(moment, pair.serverEnd, () => void socket.destroy());
        });
        await pair.run();
        return { tickets: pair.sessions.length, story: pair.story('server') };
      }),
  })),
  {
    name: 'a client with a long flight that is destroyed after a write has left',
    observe: () =>
      longFlight((pair) => {
        pair.client.once('secureConnect', () => {
          at('after a write has left', pair.clientEnd, () => void pair.client.destroy());
        });
      }),
  },
  {
    name: 'a client with a long flight that is destroyed when a write of its own is called back',
    observe: () =>
      longFlight((pair) => {
        pair.client.once('secureConnect', () => {
          pair.client.write('', () => void pair.client.destroy());
        });
      }),
  },
  {
    name: 'a server with long tickets that is destroyed after a write has left',
    observe: () =>
      longFlight((pair) => {
        pair.server.once('secureConnection', (socket) => {
          at('after a write has left', pair.serverEnd, () => void socket.destroy());
        });
      }),
  },
  ...(['client', 'server'] as const).flatMap((side) =>
    (['during the handshake', 'after it'] as const).flatMap((when) =>
      Object.entries(WAYS_TO_BREAK).map(([way, breakOff]): Fact => ({
        name: `the stream under the ${side}’s TLS ${way} ${when}`,
        observe: () =>
          withPair({}, async (pair) => {
            if (when === 'after it') await pair.run();
            else {
              await pair.settle();
              if (side === 'client') {
                pair.pass('client');
                await pair.settle();
              }
            }
            const from = pair.log.length;
            breakOff(side === 'client' ? pair.clientEnd : pair.serverEnd, pair);
            await pair.settle();
            return pair.story(from);
          }),
      })),
    ),
  ),
  {
    name: 'a client that is destroyed writes nothing and errs not, whatever comes later',
    observe: () =>
      withPair({}, async (pair) => {
        await pair.run();
        const from = pair.log.length;
        pair.client.destroy();
        pair.atServer?.write('late');
        pair.client.write('later', () => undefined);
        await pair.run();
        return pair.story(from);
      }),
  },
];

async function longFlight(prepare: (pair: TlsPair) => void): Promise<unknown> {
  const { authority, server, manyNames } = await certificates();
  const mutual = { ...server, requestCert: true, ca: authority.cert };
  return withPair({ client: { ca: authority.cert, ...manyNames }, server: mutual }, async (pair) => {
    prepare(pair);
    await pair.run();
    return {
      isServerSecure: pair.has('server secureConnection'),
      tickets: pair.sessions.length,
      story: pair.story(),
    };
  });
}

function at(moment: Moment, end: MemoryEnd, action: () => void): void {
  if (moment === 'in the event') action();
  else if (moment === 'by process.nextTick') process.nextTick(action);
  else if (moment === 'by setImmediate') setImmediate(action);
  else end.onWritten = action;
}
