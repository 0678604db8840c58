/** What node:tls says of certificates, over a loopback connection. */
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { connect, type ConnectionOptions, createServer, type TlsOptions } from 'node:tls';

/** `ok`, or the code of what the client, or else the server, has against the other's certificate. */
export async function tlsVerdict(
  serverOptions: TlsOptions,
  clientOptions: ConnectionOptions,
): Promise<string> {
  const server = createServer({ ...serverOptions, minVersion: 'TLSv1.3' });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined).end('hello');
  });
  const refusal = new Promise<string>((resolve) => {
    server.once('tlsClientError', (_error, socket) => {
      resolve(String(socket.authorizationError));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ...clientOptions });
  try {
    const verdict = await new Promise<string>((resolve) => {
      socket.once('error', ({ code = 'error' }: NodeJS.ErrnoException) => {
        resolve(code);
      });
      socket.once('data', () => {
        resolve('ok');
      });
      // Of a certificate that the server refuses only the server says more.
      socket.once('close', () => {
        resolve('ECONNRESET');
      });
    });
    return verdict === 'ECONNRESET' ? await refusal : verdict;
  } finally {
    socket.destroy();
    server.close();
  }
}
