import { createSimHandshake, type HandshakePlan } from '../../../src/sim/sim-handshake.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import { type Handshake, type HandshakeEvent } from '../../../src/transport/protection/handshake.js';

/** Answers each byte string with one of its own, completes after the second, and has one more to say. */
class TwoRounds implements Handshake {
  readonly #events: HandshakeEvent[] = [];
  #rounds = 0;
  isDisposed = false;

  start(): void {
    this.#events.push({ kind: 'bytes', bytes: Uint8Array.of(0) });
  }

  onBytes(bytes: Uint8Array): void {
    this.#events.push({ kind: 'bytes', bytes });
    if (++this.#rounds === 2) this.#events.push({ kind: 'complete' }, { kind: 'bytes', bytes });
  }

  pollEvent(): HandshakeEvent | undefined {
    return this.#events.shift();
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

function setUp(plan: HandshakePlan) {
  const clock = new VirtualClock();
  const inner = new TwoRounds();
  const wakes: number[] = [];
  const create = createSimHandshake(
    () => inner,
    clock,
    () => plan,
  );
  const handshake = create({
    role: 'client',
    version: 1,
    originalDestinationId: new Uint8Array(8),
    localParameters: new Uint8Array(0),
    wake: () => wakes.push(clock.now()),
  });
  const events = (): string[] => {
    const kinds: string[] = [];
    for (let event = handshake.pollEvent(); event !== undefined; event = handshake.pollEvent()) {
      kinds.push(event.kind === 'failed' ? `failed: ${event.reason}` : event.kind);
    }
    return kinds;
  };
  return { clock, inner, handshake, wakes, events };
}

describe('createSimHandshake', () => {
  test('what the other side said arrives as the plan alters it', () => {
    const { handshake, inner } = setUp({ delayMs: () => 0, alter: (bytes) => bytes.map((byte) => byte + 1) });
    const heard: Uint8Array[] = [];
    inner.onBytes = (bytes) => heard.push(bytes);
    handshake.onBytes(Uint8Array.of(1, 2));
    expect(heard).toEqual([Uint8Array.of(2, 3)]);
  });

  test('without delay it says at once what the inner one says, and never wakes', () => {
    const { handshake, events, wakes } = setUp({ delayMs: () => 0 });
    handshake.start();
    expect(events()).toEqual(['bytes']);
    handshake.onBytes(Uint8Array.of(1));
    handshake.onBytes(Uint8Array.of(2));
    expect(events()).toEqual(['bytes', 'bytes', 'complete', 'bytes']);
    expect(wakes).toEqual([]);
  });

  test('a slow one says nothing before its delay, then wakes and says it in order', () => {
    const { clock, handshake, events, wakes } = setUp({ delayMs: () => 50 });
    handshake.start();
    expect(events()).toEqual([]);
    clock.run(20);
    handshake.onBytes(Uint8Array.of(1));
    expect(events()).toEqual([]);
    clock.run(50);
    expect(wakes).toEqual([50]);
    expect(events()).toEqual(['bytes', 'bytes']);
    handshake.onBytes(Uint8Array.of(2));
    clock.run(200);
    expect(wakes).toEqual([50, 100]);
    expect(events()).toEqual(['bytes', 'complete', 'bytes']);
  });

  test('a failing one fails where it would have completed, and says no more', () => {
    const { handshake, events } = setUp({ delayMs: () => 0, failure: 'certificate expired' });
    handshake.start();
    handshake.onBytes(Uint8Array.of(1));
    handshake.onBytes(Uint8Array.of(2));
    handshake.onBytes(Uint8Array.of(3));
    expect(events()).toEqual(['bytes', 'bytes', 'bytes', 'failed: certificate expired']);
  });

  test('disposed, it neither wakes nor speaks, and frees the inner one and its timer', () => {
    const { clock, inner, handshake, events, wakes } = setUp({ delayMs: () => 50 });
    handshake.start();
    handshake.dispose();
    expect(clock.pendingTimers).toBe(0);
    clock.run(1_000);
    expect(wakes).toEqual([]);
    expect(events()).toEqual([]);
    expect(inner.isDisposed).toBe(true);
  });
});
