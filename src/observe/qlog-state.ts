/**
 * What of a connection changes without being told: after each step its players are looked at, and what is different
 * from the last time becomes events. So a log says when the window, the round-trip times, the timer, the path or the
 * size of datagrams changed, and no code that changes them knows of logs.
 */
import { type Players } from '../transport/connection/players.js';
import { GRANULARITY_MS } from '../transport/recovery/rtt-estimator.js';
import { hex } from './qlog-frames.js';

export type QlogEmit = (name: string, data: object, now: number) => void;

export class QlogState {
  readonly #emit: QlogEmit;
  readonly #metrics = new Map<string, number>();
  #congestionState: string | undefined;
  #timerAt: number | undefined;
  #isConfirmed = false;
  #sealGeneration = 0;
  #openGeneration = 0;
  #datagramBytes: number | undefined;
  #remoteId: Uint8Array;
  #remote: Players['path']['remote'] | undefined;

  constructor(remoteId: Uint8Array, emit: QlogEmit) {
    this.#remoteId = remoteId;
    this.#emit = emit;
  }

  onStep(players: Players, now: number): void {
    this.#compareHandshake(players, now);
    this.#compareMetrics(players, now);
    this.#compareCongestionState(players, now);
    this.#compareTimer(players, now);
    this.#comparePath(players, now);
    this.#compareKeys(players, now);
  }

  /** The timer went off: it is not cancelled. */
  onTimerExpired(): void {
    this.#timerAt = undefined;
  }

  #compareHandshake({ isConfirmed, path }: Players, now: number): void {
    const remoteId = path.destination.id;
    if (remoteId !== this.#remoteId) {
      const old = this.#remoteId;
      this.#remoteId = remoteId;
      this.#emit(
        'connectivity:connection_id_updated',
        { owner: 'remote', old: hex(old), new: hex(remoteId) },
        now,
      );
    }
    if (isConfirmed && !this.#isConfirmed) {
      this.#isConfirmed = true;
      this.#emit('connectivity:connection_state_updated', { new: 'handshake_confirmed' }, now);
    }
  }

  #compareMetrics({ recovery, controller }: Players, now: number): void {
    const { rtt } = recovery;
    const changed: Record<string, number> = {};
    const compare = (name: string, value: number | undefined): void => {
      if (value === undefined || this.#metrics.get(name) === value) return;
      this.#metrics.set(name, value);
      changed[name] = value;
    };
    if (rtt.hasSample) {
      compare('min_rtt', toMicros(rtt.minRtt));
      compare('smoothed_rtt', toMicros(rtt.smoothedRtt));
      compare('latest_rtt', toMicros(rtt.latestRtt));
      compare('rtt_variance', toMicros(rtt.rttVariance));
    }
    compare('pto_count', recovery.ptoCount);
    compare('congestion_window', Math.floor(controller.congestionWindow));
    compare('bytes_in_flight', recovery.bytesInFlight);
    const { pacingRate } = controller;
    if (pacingRate !== undefined) compare('pacing_rate', Math.round(pacingRate * BITS_PER_SECOND));
    if (Object.keys(changed).length > 0) this.#emit('recovery:metrics_updated', changed, now);
  }

  #compareCongestionState({ controller }: Players, now: number): void {
    const { state } = controller;
    if (state === undefined || state === this.#congestionState) return;
    const old = this.#congestionState;
    this.#congestionState = state;
    const data = old === undefined ? { new: state } : { old, new: state };
    this.#emit('recovery:congestion_state_updated', data, now);
  }

  /** A timer is set anew with nearly every packet: what it moves by less than its granularity is not worth a line. */
  #compareTimer({ recovery }: Players, now: number): void {
    const at = recovery.nextTimeout();
    const before = this.#timerAt;
    if (at === undefined) {
      this.#timerAt = undefined;
      if (before !== undefined) this.#emit('recovery:loss_timer_updated', { event_type: 'cancelled' }, now);
      return;
    }
    if (before !== undefined && Math.abs(at - before) < GRANULARITY_MS) return;
    this.#timerAt = at;
    const delta = toMicros(Math.max(0, at - now));
    this.#emit('recovery:loss_timer_updated', { event_type: 'set', delta }, now);
  }

  #comparePath({ path, pathMtu }: Players, now: number): void {
    const { datagramBytes } = pathMtu;
    if (datagramBytes !== this.#datagramBytes) {
      const old = this.#datagramBytes;
      this.#datagramBytes = datagramBytes;
      const data = old === undefined ? { new: datagramBytes } : { old, new: datagramBytes };
      this.#emit('connectivity:mtu_updated', data, now);
    }
    const { remote } = path;
    const old = this.#remote;
    this.#remote = remote;
    if (old === undefined || (old.ip === remote.ip && old.port === remote.port)) return;
    const data = { old: `${old.ip} ${old.port}`, new: `${remote.ip} ${remote.port}` };
    this.#emit('connectivity:path_updated', data, now);
  }

  /** Who follows its peer does so in the same step; who has updated waits for the peer. */
  #compareKeys({ keyPhases, role }: Players, now: number): void {
    const { sealGeneration, openGeneration } = keyPhases;
    const isSealed = sealGeneration !== this.#sealGeneration;
    const isOpened = openGeneration !== this.#openGeneration;
    if (!isSealed && !isOpened) return;
    this.#sealGeneration = sealGeneration;
    this.#openGeneration = openGeneration;
    const trigger = isSealed && isOpened ? 'remote_update' : 'local_update';
    const emit = (owner: Players['role'], generation: number): void => {
      const data = { key_type: `${owner}_1rtt_secret`, key_phase: generation, trigger };
      this.#emit('security:key_updated', data, now);
    };
    if (isSealed) emit(role, sealGeneration);
    if (isOpened) emit(role === 'client' ? 'server' : 'client', openGeneration);
  }
}

/** Milliseconds with three places: what a clock can be believed. */
export function toMicros(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** In a byte per millisecond. */
const BITS_PER_SECOND = 8_000;
