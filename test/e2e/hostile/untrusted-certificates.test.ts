/** Certificates that must not let anybody in, also where the environment says that none is to be looked at. */
import { type MatrixOutcome } from '../../support/certificate-matrix.js';
import { ExampleProcess } from '../../support/example-process.js';
import { printFigures } from '../../support/long-run.js';

async function runMatrix(environment: NodeJS.ProcessEnv): Promise<Record<string, MatrixOutcome>> {
  const inherited = { ...process.env };
  delete inherited['NODE_TLS_REJECT_UNAUTHORIZED'];
  const program = new ExampleProcess('certificate-matrix', [], {
    folder: 'test/support',
    env: { ...inherited, ...environment },
  });
  const { code, stdout, stderr } = await program.ended;
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, MatrixOutcome>;
}

/** What the caller learns. */
const REASONS: Readonly<Record<string, RegExp>> = {
  'expired server certificate': /certificate has expired \(CERT_HAS_EXPIRED\): renew it/,
  'foreign server certificate': /\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\): give its authority as tls\.ca/,
  'server certificate for another name': /ERR_TLS_CERT_ALTNAME_INVALID\): connect to a name that is in it/,
  'self-signed server certificate': /\(DEPTH_ZERO_SELF_SIGNED_CERT\): give its authority as tls\.ca/,
  'no client certificate': /lets in only clients with a certificate.*give tls\.cert and tls\.key/,
  'foreign client certificate': /does not trust the client's certificate \(UNABLE_TO_/,
  'expired client certificate': /does not trust the client's certificate \(CERT_HAS_EXPIRED\)/,
  'a ticket, and another name': /ERR_TLS_CERT_ALTNAME_INVALID\): connect to a name that is in it/,
  'a ticket, and another server': /ERR_TLS_CERT_ALTNAME_INVALID\): connect to a name that is in it/,
};

describe.each([
  ['as it is', {}],
  ['with NODE_TLS_REJECT_UNAUTHORIZED=0', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
])('in an environment %s', (title, environment) => {
  let outcomes: Record<string, MatrixOutcome>;

  beforeAll(async () => {
    outcomes = await runMatrix(environment);
    const bad = Object.keys(REASONS).flatMap((what) => outcomes[what] ?? []);
    const refused = bad.filter(({ status }) => status === 'UNAUTHENTICATED');
    const ran = bad.reduce((sum, outcome) => sum + outcome.ran, 0);
    printFigures(
      `untrusted certificates, environment ${title}`,
      `${refused.length} of ${bad.length} refused as UNAUTHENTICATED`,
      `${ran} handlers ran`,
    );
  }, 60_000);

  test('who may come in does', () => {
    expect(outcomes['what must be let in']).toMatchObject({ status: 'OK', ran: 1 });
  });

  test.each(Object.entries(REASONS))('[TLS-3] %s: refused, and the caller learns why', (what, reason) => {
    expect(outcomes[what]).toMatchObject({ status: 'UNAUTHENTICATED', maybeExecuted: false, ran: 0 });
    expect(outcomes[what]?.details).toMatch(reason);
    expect(outcomes[what]?.details).not.toContain('\n');
  });
});
