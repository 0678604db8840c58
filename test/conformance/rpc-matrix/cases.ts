/** The RPC matrix: what must hold of calls whatever carries the bytes. One world of each harness for each case. */
import { answerCases } from './answer-cases.js';
import { bidirectionalCases } from './bidirectional-cases.js';
import { clientStreamingCases } from './client-streaming-cases.js';
import { endingCases } from './ending-cases.js';
import { KINDS } from './four-kinds.js';
import { type OpenHarness } from './harness.js';
import { limitCases } from './limit-cases.js';
import { metadataLimitCases } from './metadata-limit-cases.js';
import { serverStreamingCases } from './server-streaming-cases.js';
import { shutdownCases } from './shutdown-cases.js';
import { statusCases } from './status-cases.js';
import { unaryCases } from './unary-cases.js';
import { casesIn } from './world.js';

export function describeCalls(name: string, open: OpenHarness): void {
  const rpcCase = casesIn(open);
  describe(`calls over ${name}`, () => {
    describe.each(KINDS)('$title', (kind) => {
      answerCases(rpcCase, kind);
      statusCases(rpcCase, kind);
      endingCases(rpcCase, kind);
      limitCases(rpcCase, kind);
      metadataLimitCases(rpcCase, kind);
      shutdownCases(rpcCase, kind);
    });
    describe('unary calls alone', () => {
      unaryCases(rpcCase);
    });
    describe('server streaming alone', () => {
      serverStreamingCases(rpcCase);
    });
    describe('client streaming alone', () => {
      clientStreamingCases(rpcCase);
    });
    describe('bidirectional streaming alone', () => {
      bidirectionalCases(rpcCase);
    });
  });
}
