/** Who may call: a bearer token or a client certificate says who it is, and each user has the methods that they may call. */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import {
  type CallContext,
  type ClientMiddleware,
  Metadata,
  type RequestContext,
  ServerError,
  type ServerMiddleware,
  Status,
} from '../src/index.js';

export interface User {
  readonly name: string;
  /** SHA-256 of the token, in hex: who reads the list has no tokens. Undefined: has no token. */
  readonly tokenSha256?: string;
  /** A DNS name of the client's certificate; its common name, where it has no DNS names. Undefined: has no certificate. */
  readonly certificateName?: string;
  /** As `call.method.path` is: `/greeter.v1.GreeterService/Greet`. */
  readonly mayCall: readonly string[];
}

/** For `server.use`, or `server.with` for one service; handlers find the user in their context. */
export function authorise(users: readonly User[]): ServerMiddleware<{ user: User }, RequestContext> {
  return async function* (call, context) {
    const user = whoCalls(users, context);
    if (!user.mayCall.includes(call.method.path)) {
      throw new ServerError(Status.PERMISSION_DENIED, `${user.name} may not call ${call.method.path}`);
    }
    return yield* call.next(call.request, { ...context, user });
  };
}

/** For `createClientFactory().use`, towards `udps://` only: in plaintext everybody on the way reads the token. */
export function withToken(token: string): ClientMiddleware {
  return (call, options) => {
    const metadata = Metadata(options.metadata).set('authorization', `Bearer ${token}`);
    return call.next(call.request, { ...options, metadata });
  };
}

/** A token comes before a certificate: a wrong one is refused, whatever is beside it. */
function whoCalls(users: readonly User[], { metadata, peerCertificate }: CallContext & RequestContext): User {
  const authorization = metadata.get('authorization');
  const user =
    authorization === undefined
      ? userOfCertificate(users, peerCertificate)
      : userOfToken(users, /^Bearer +(\S+)$/i.exec(authorization)?.[1]);
  if (user !== undefined) return user;
  const reason = authorization === undefined ? 'nobody is known by what you sent' : 'this token is nobody’s';
  throw new ServerError(
    Status.UNAUTHENTICATED,
    `${reason}: send the metadata \`authorization: Bearer TOKEN\``,
  );
}

/** Each is compared, in constant time: how long it takes tells nothing of any token. */
function userOfToken(users: readonly User[], token: string | undefined): User | undefined {
  if (token === undefined) return undefined;
  const hash = createHash('sha256').update(token).digest();
  const isTheirs = ({ tokenSha256 = '' }: User): boolean => {
    const theirs = Buffer.from(tokenSha256, 'hex');
    return theirs.length === hash.length && timingSafeEqual(theirs, hash);
  };
  return users.filter(isTheirs)[0];
}

/** TLS has verified the certificate. `checkHost` reads its names as OpenSSL does: taking them out of a string can be tricked. */
function userOfCertificate(users: readonly User[], certificate: unknown): User | undefined {
  if (!(certificate instanceof X509Certificate)) return undefined;
  return users.find(
    ({ certificateName: name }) =>
      name !== undefined && certificate.checkHost(name, { wildcards: false }) !== undefined,
  );
}
