/** Certificates that are refused: who sees what, and when. */
import { type Certificates, type Identity } from '../support/certificates.js';
import { type Fact } from './fact.js';
import { attempt, exported, withPair } from './trusting-pair.js';

export const refusalFacts: readonly Fact[] = [
  ...(
    [
      ['self-signed', 'selfSignedServer'],
      ['of a foreign authority', 'foreignServer'],
      ['expired', 'expiredServer'],
      ['for another name', 'secondServer'],
    ] as const
  ).map(([what, which]): Fact => ({
    name: `a certificate of the server that is ${what}`,
    observe: () => refusedServer(which),
  })),
  {
    name: 'a self-signed certificate that the client names as its authority is accepted',
    observe: () =>
      withPair({}, async (_, { selfSignedServer }) =>
        withPair({ client: { ca: selfSignedServer.cert }, server: selfSignedServer }, async (pair) => {
          await pair.run();
          return pair.isSecureAtBoth;
        }),
      ),
  },
  {
    name: 'what is not said of rejectUnauthorized, the environment decides',
    observe: () =>
      withPair({}, async (_, { selfSignedServer }) =>
        withPair({ server: selfSignedServer, isVerificationLeftToNode: true }, async (pair) => {
          await pair.run();
          return { isAccepted: pair.isSecureAtBoth, authorized: pair.client.authorized };
        }),
      ),
  },
  ...(
    [
      ['none', undefined],
      ['one of a foreign authority', 'foreignClient'],
      ['an expired one', 'expiredClient'],
      ['a good one', 'client'],
    ] as const
  ).map(([what, which]): Fact => ({
    name: `a server that asks for a certificate of the client gets ${what}`,
    observe: () => judgedClient((all) => (which === undefined ? undefined : all[which])),
  })),
  {
    name: 'a server that does not ask for a certificate gets none',
    observe: () =>
      withPair({}, (_, { client }) =>
        withPair({ client }, async (pair) => {
          await pair.run();
          return { authorized: pair.atServer?.authorized, certificate: pair.atServer?.getPeerCertificate() };
        }),
      ),
  },
];

async function refusedServer(
  which: 'selfSignedServer' | 'foreignServer' | 'expiredServer' | 'secondServer',
): Promise<unknown> {
  return withPair({}, (_, all) =>
    withPair({ server: all[which] }, async (pair) => {
      await pair.run();
      return { log: pair.story(), authorizationError: pair.client.authorizationError };
    }),
  );
}

async function judgedClient(choose: (all: Certificates) => Identity | undefined): Promise<unknown> {
  return withPair({}, (_, all) =>
    withPair(
      { client: choose(all) ?? {}, server: { ...all.server, requestCert: true, ca: all.authority.cert } },
      async (pair) => {
        await pair.runUpToFinished();
        const clientBefore = attempt(() => exported(pair.client));
        await pair.run();
        return {
          clientExporter: clientBefore,
          log: pair.story(),
          authorizationError: pair.authorizationError,
          authorized: pair.atServer?.authorized,
          subject: (pair.atServer?.getPeerCertificate() as { subject?: { CN: string } } | undefined)?.subject
            ?.CN,
        };
      },
    ),
  );
}
