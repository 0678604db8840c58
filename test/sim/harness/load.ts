/**
 * What the users of a scenario do: calls on the rpc floor, or streams on the transport alone. The same drawing serves
 * both, since a call is a stream with a request and a response. Sizes are log-uniform under a budget of datagrams.
 */
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { type Dimension } from './scenario.js';

export interface Load {
  /** What every client asks for at the end, to show that it still can: small where windows are. */
  readonly livenessBytes: number;
  /** Bytes that may be under way at a time, because of a small window or buffer. */
  readonly stepBytes: number;
  readonly exchanges: readonly Exchange[];
}

export interface Exchange {
  readonly index: number;
  /** Number of the client that starts it. */
  readonly client: number;
  /** After the start of the run. */
  readonly atMs: number;
  readonly method: 'echo' | 'put' | 'add';
  readonly requestBytes: number;
  /** Of streams; an echo answers with what it got. */
  readonly responseBytes: number;
  readonly timeoutMs: number;
  readonly cancelAfterMs: number | undefined;
  readonly handler: HandlerPlan;
  /** The reader takes one piece and then waits this long. 0: it reads all there is. */
  readonly readPauseMs: number;
  /** Of streams: the answer begins with the request and does not wait for its end. */
  readonly isDuplex: boolean;
}

export interface HandlerPlan {
  /** `hangUntilAborted` waits for its signal, `ignoreSignal` answers late and does not look at it. */
  readonly does: 'answer' | 'throwStatus' | 'throwError' | 'hangUntilAborted' | 'ignoreSignal';
  readonly delayMs: number;
}

const MAX_MESSAGE_BYTES = 4 << 20;

export interface LoadFrame {
  readonly clientCount: number;
  /** Exchanges start within this. */
  readonly spreadMs: number;
  /** Bytes that may be under way at a time, because of a small window or buffer. */
  readonly stepBytes: number;
  /** About how many datagrams of 1,200 bytes the exchanges may take. */
  readonly budgetDatagrams: number;
}

export function drawLoad(random: SeededRandom, dimension: Dimension, frame: LoadFrame): Load {
  const { clientCount, stepBytes } = frame;
  const datagramBytes = Math.min(1_000, stepBytes);
  let budget = random.logUniform(20, frame.budgetDatagrams);
  const count = dimension('manyExchanges', 5, (own) => own.logUniform(4, 400));
  const largest = dimension('largeMessages', 2_000, (own) => own.logUniform(2_000, MAX_MESSAGE_BYTES));
  const spreadMs = dimension('spreadOut', 0, (own) => own.within(0, frame.spreadMs));
  const mayCancel = dimension('cancels', false, () => true);
  const shortestMs = dimension('shortTimeouts', 0, (own) => own.logUniform(1, 10_000));
  const isBad = dimension('badHandlers', false, () => true);
  const isSlow = dimension('slowHandlers', 0, (own) => own.logUniform(1, 5_000));
  const mayBeDuplex = dimension('duplex', false, () => true);
  const readPauseMs = dimension('slowReaders', 0, (own) => own.logUniform(1, 500));
  const exchanges: Exchange[] = [];
  while (exchanges.length < count && budget > 0) {
    const method = random.pick(['echo', 'echo', 'put', 'add'] as const);
    const affordable = Math.max(1, Math.floor((budget * datagramBytes) / 4));
    const requestBytes = method === 'echo' ? random.logUniform(0, Math.min(largest, affordable)) : 40;
    const responseBytes = random.logUniform(0, Math.min(largest, affordable));
    // An echo answers with its request; acknowledgements and updates of windows are as many as what they answer.
    budget -= 4 + (2 * (requestBytes + Math.max(requestBytes, responseBytes))) / datagramBytes;
    exchanges.push({
      index: exchanges.length,
      client: random.between(0, clientCount - 1),
      atMs: random.within(0, spreadMs),
      method,
      requestBytes,
      responseBytes,
      timeoutMs: shortestMs > 0 && random.chance(0.5) ? random.logUniform(shortestMs, 30_000) : 30_000,
      cancelAfterMs: mayCancel && random.chance(0.3) ? random.logUniform(0, 3_000) : undefined,
      handler: drawHandler(random, isBad, isSlow),
      readPauseMs: readPauseMs > 0 && random.chance(0.5) ? random.within(0, readPauseMs) : 0,
      isDuplex: mayBeDuplex && random.chance(0.5),
    });
  }
  return { livenessBytes: Math.min(5_000, 20 * stepBytes), stepBytes, exchanges };
}

function drawHandler(random: SeededRandom, isBad: boolean, slowMs: number): HandlerPlan {
  const does = random.pick(['throwStatus', 'throwError', 'hangUntilAborted', 'ignoreSignal'] as const);
  return {
    does: isBad && random.chance(0.3) ? does : 'answer',
    delayMs: slowMs > 0 ? random.logUniform(0, slowMs) : 0,
  };
}
