/**
 * Where the next page of a listing starts. Opaque to callers, but nothing secret is in it: it names the last image of the
 * page before, and it is good only for the prefix that it was given for.
 */
import { ServerError, Status } from '../index.js';
import { imageNameProblem, MAX_NAME_BYTES } from './image-name.js';

export function encodePageToken(prefix: string, lastName: string): string {
  return Buffer.from(JSON.stringify([TOKEN_VERSION, prefix, lastName])).toString('base64url');
}

/** The last name of the page before. Throws INVALID_ARGUMENT for what `encodePageToken` did not make for this prefix. */
export function decodePageToken(token: string, prefix: string): string {
  const [version, tokenPrefix, lastName] = parse(token);
  if (version !== TOKEN_VERSION || typeof tokenPrefix !== 'string' || typeof lastName !== 'string')
    throw invalid();
  if (tokenPrefix !== prefix) {
    throw new ServerError(Status.INVALID_ARGUMENT, 'page_token belongs to a listing with another prefix');
  }
  if (imageNameProblem(lastName) !== undefined || !lastName.startsWith(prefix)) throw invalid();
  // One token has one spelling: base64 readers skip what they do not know.
  if (encodePageToken(prefix, lastName) !== token) throw invalid();
  return lastName;
}

function parse(token: string): unknown[] {
  if (token.length > MAX_TOKEN_LENGTH) throw invalid();
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    throw invalid();
  }
}

function invalid(): ServerError {
  return new ServerError(
    Status.INVALID_ARGUMENT,
    'page_token is not one that this server gave: leave it empty to start a listing',
  );
}

const TOKEN_VERSION = 1;

/** Two names in JSON, where a byte may need six, in base64. */
const MAX_TOKEN_LENGTH = 2 * MAX_NAME_BYTES * 6 * 2;
