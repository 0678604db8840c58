/** `udprpc gateway`: carries calls between gRPC and UDP, in the direction that the schemes of its two addresses say. */
import { Command, InvalidArgumentError } from 'commander';
import { type Subcommand } from './run-command.js';

export interface GatewayFlags {
  readonly listen: string;
  readonly to: string;
  readonly cert?: string;
  readonly key?: string;
  readonly clientCa?: string;
  readonly toCa?: string;
  readonly toCert?: string;
  readonly toKey?: string;
  readonly toFingerprint?: string;
  readonly insecure?: boolean;
  readonly maxMessageBytes?: number;
}

export function gatewayCommand(): Subcommand {
  const command = new Command('gateway')
    .summary('carry calls between gRPC and UDP')
    .description(
      'Carries calls of any service between gRPC over HTTP/2 and UDP: gRPC clients call\na UDP server (--to udp://…), or UDP clients a gRPC server (--listen udp://…).',
    )
    .requiredOption('--listen <ADDRESS>', 'HOST:PORT, or udp://HOST:PORT; port 0 for any')
    .requiredOption('--to <TARGET>', 'udp:// or udps://HOST:PORT, or http:// or https://')
    .option('--cert <F>', 'listen with TLS, by this certificate (PEM)')
    .option('--key <F>', 'the key of --cert (PEM)')
    .option('--client-ca <F>', 'let in only clients of this authority (PEM)')
    .option('--to-ca <F>', 'trust the servers of this authority (PEM)')
    .option('--to-fingerprint <FP>', 'trust a UDP server by its certificate’s SHA-256')
    .option('--to-cert <F>', 'show this certificate to the server (PEM)')
    .option('--to-key <F>', 'the key of --to-cert (PEM)')
    .option('--insecure', 'without encryption also beyond this machine')
    .option('--max-message-bytes <N>', 'the largest message (default: 4194304)', parseBytes)
    .usage('--listen ADDRESS --to TARGET [--cert F --key F]');
  return {
    command,
    action: async (signal) => {
      const { gateway } = await import('./gateway.js');
      await gateway(command.opts<GatewayFlags>(), signal);
    },
  };
}

function parseBytes(text: string): number {
  const bytes = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  // The length of a gRPC message has four bytes.
  if (!(bytes <= 4_294_967_295))
    throw new InvalidArgumentError('It must be a number of bytes, less than 4 GiB.');
  return bytes;
}
