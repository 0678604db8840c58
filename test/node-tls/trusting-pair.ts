/** Pairs whose client trusts the authority of the server's certificate, and what is asked of them. */
import { type TLSSocket } from 'node:tls';
import { type Certificates, certificates } from '../support/certificates.js';
import { codeOf, type PairOptions, TlsPair } from './tls-pair.js';

export const CONTEXT = Buffer.from('what both have seen');
export const LABEL = 'EXPORTER-udprpc-1-client';

export function exported(socket: TLSSocket, label = LABEL, context = CONTEXT): string {
  return socket.exportKeyingMaterial(32, label, context).toString('hex');
}

export type PairWish = Partial<PairOptions>;

/** A client that trusts the authority and a server with a certificate of it, but for what is wished otherwise. */
export async function withPair<T>(
  wish: PairWish,
  use: (pair: TlsPair, all: Certificates) => Promise<T>,
): Promise<T> {
  const all = await certificates();
  const { server = {}, client, ...rest } = wish;
  const pair = new TlsPair({
    ...rest,
    client: { ca: all.authority.cert, ...client },
    server: 'emit' in server ? server : { ...all.server, ...server },
  });
  try {
    return await use(pair, all);
  } finally {
    await pair.end();
  }
}

export function attempt(action: () => string): string {
  try {
    action();
    return 'works';
  } catch (error) {
    return codeOf(error);
  }
}
