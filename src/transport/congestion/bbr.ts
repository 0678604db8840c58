/**
 * BBR, after the model of its third version (draft-ietf-ccwg-bbr): sends at the rate at which the path delivers and
 * keeps little more than a bandwidth-delay product in flight, instead of filling queues until they overflow. It starts
 * by doubling (startup), drains the queue that this left (drain), and then goes round the phases of probing for more
 * (refill, up) and leaving room to others (down, cruise); when it has seen a queue for long, it empties the path to see
 * the round trip without one (probeRtt).
 *
 * This file owns the states. What is believed of the path is `BbrModel`'s, what a loss means `LossJudge`'s.
 */
import { type Random } from '../../base/random.js';
import { type BbrState, PACING_GAIN, WINDOW_GAIN } from './bbr-gains.js';
import { BETA, type BbrBounds, BbrModel } from './bbr-model.js';
import { type AckSample, type CongestionController, type LossSample } from './congestion-controller.js';
import { FullPipe } from './full-pipe.js';
import { LossJudge } from './loss-judge.js';
import { ProbeCycle } from './probe-cycle.js';
import { ProbeRtt } from './probe-rtt.js';
import { RoundTrips } from './round-trips.js';

export class Bbr implements CongestionController {
  private readonly toleratedLoss: number;
  private readonly losses: LossJudge;
  private readonly cycle: ProbeCycle;
  private readonly rounds = new RoundTrips();
  private readonly fullPipe = new FullPipe();
  private readonly probeRtt = new ProbeRtt();
  private model = new BbrModel();
  private maxDatagramSize: number;
  private current: BbrState = 'startup';
  private windowBytes: number;
  private rate: number | undefined;
  private smoothedRtt = Infinity;
  private hasFilledPipe = false;
  /** In this round the window was the limit. */
  private isWindowFull = false;
  private isRestartedFromIdle = false;
  /** Acknowledged now is what was sent while probing: its losses tell what is too much. */
  private isProbeSampled = false;
  /** Probing is over; when its last round is too, the maximum of the cycle is complete. */
  private isCycleEnding = false;
  private drainRounds = 0;
  private bandwidthBeforeProbe = 0;
  private windowBeforeProbeRtt = 0;
  private undo: BeforeCut | undefined;

  constructor(options: BbrOptions) {
    this.maxDatagramSize = options.maxDatagramSize;
    this.toleratedLoss = options.toleratedLoss;
    this.losses = new LossJudge(options.toleratedLoss);
    this.cycle = new ProbeCycle(options.random);
    this.windowBytes = this.initialWindow();
  }

  get congestionWindow(): number {
    return Math.floor(this.windowBytes);
  }

  get pacingRate(): number | undefined {
    return this.rate;
  }

  get state(): BbrState {
    return this.current;
  }

  /** Bytes that fill the path at its best, and what comes acknowledged in lumps beyond them; undefined until it was full. */
  get measuredInflight(): number | undefined {
    const product = this.hasFilledPipe ? this.model.inflight(1) : undefined;
    return product === undefined ? undefined : product + this.model.lumpBytes;
  }

  onPacketSent(bytes: number, bytesInFlight: number, now: number): void {
    if (bytesInFlight + this.maxDatagramSize > this.windowBytes) this.isWindowFull = true;
    if (bytesInFlight === bytes) this.onRestartFromIdle(now);
  }

  onAck(sample: AckSample, now: number): void {
    const { rate } = sample;
    this.rounds.onAck(rate);
    if (this.rounds.isStart) this.onRoundStart();
    const isLimited = rate.isAppLimited || this.probeRtt.includes(rate);
    this.model.onAck(sample, isLimited);
    this.losses.onDelivered(sample.ackedBytes);
    this.model.updateAggregation(sample.ackedBytes, this.windowBytes, now);
    if (!isLimited) this.fullPipe.update(rate, this.rounds.isStart);
    this.updateState(sample, now);
    this.updateProbeRtt(sample, now);
    this.smoothedRtt = Math.max(sample.smoothedRtt, MINIMUM_RTT_MS);
    // §5.6.2: at first nothing is known but how long a round trip takes.
    this.rate ??= (PACING_GAIN.startup * this.windowBytes) / this.smoothedRtt;
    this.setPacingRate(PACING_GAIN[this.current]);
    this.setWindow(sample);
  }

  onLoss(loss: LossSample, now: number): void {
    this.losses.onLost(loss.packets);
    if (this.isProbeSampled && this.isCongestion()) this.onInflightTooHigh(loss, now);
    if (!loss.isPersistentCongestion) return;
    this.saveForUndo();
    // The window grows back with what arrives, up to what the model says; that adapts by what is delivered.
    this.windowBytes = this.minimumWindow();
  }

  /** §5.5.11 */
  onLossUndone(now: number): void {
    const { undo } = this;
    this.undo = undefined;
    if (undo === undefined) return;
    this.losses.startRound();
    this.model.restore(undo.bounds);
    this.windowBytes = Math.max(this.windowBytes, undo.windowBytes);
    if (this.current === 'probeRtt' || this.current === undo.state) return;
    if (undo.state === 'startup') this.enterStartup();
    else if (undo.state === 'up') this.enterRefill(now);
  }

  onMaxDatagramSize(bytes: number): void {
    this.maxDatagramSize = bytes;
    this.windowBytes = Math.max(this.windowBytes, this.minimumWindow());
  }

  reset(now: number): void {
    this.model = new BbrModel();
    this.model.restartAggregation(now);
    this.rounds.reset();
    this.probeRtt.reset();
    this.losses.startRound();
    this.windowBytes = this.initialWindow();
    this.rate = undefined;
    this.smoothedRtt = Infinity;
    this.isProbeSampled = false;
    this.isCycleEnding = false;
    this.isWindowFull = false;
    this.undo = undefined;
    this.cycle.reset();
    this.enterStartup();
  }

  /** §5.4.1: nothing was in flight. */
  private onRestartFromIdle(now: number): void {
    this.isRestartedFromIdle = true;
    this.model.restartAggregation(now);
    if (this.current === 'probeRtt') {
      if (this.probeRtt.isOver(true, now)) this.leaveProbeRtt(now);
    } else if (this.hasFilledPipe) {
      this.setPacingRate(1);
    }
  }

  // Rounds and losses.

  /** What was counted of the last round is judged and forgotten. */
  private onRoundStart(): void {
    if (this.isCongestion()) this.onCongestedRound();
    this.losses.startRound();
    this.model.startRound(!this.hasFilledPipe);
    this.cycle.onRoundStart();
    this.isWindowFull = false;
  }

  private restartRound(): void {
    this.rounds.restart();
    this.isWindowFull = false;
  }

  private isCongestion(): boolean {
    const expected = Math.min(PACING_GAIN[this.current], 1) * (1 - this.toleratedLoss - RATE_NOISE);
    const hasSymptom = this.model.hasStandingQueue || this.model.deliversLessThan(expected);
    return this.losses.isCongestion(hasSymptom, this.maxDatagramSize);
  }

  /** §5.5.10.3. What probing causes is judged when it is lost, and a path that is emptied delivers less by intention. */
  private onCongestedRound(): void {
    switch (this.current) {
      case 'startup':
        this.onStartupLoss();
        return;
      case 'drain':
      case 'down':
      case 'cruise':
        this.saveForUndo();
        this.model.cutShortTerm(this.windowBytes);
        return;
      case 'refill':
      case 'up':
      case 'probeRtt':
        return;
    }
  }

  /** §5.3.1.3 */
  private onStartupLoss(): void {
    this.saveForUndo();
    this.model.longTermInflight = Math.max(this.model.bdp ?? 0, this.model.roundDelivered);
    this.enterDrain();
  }

  /** §5.5.10.2 */
  private onInflightTooHigh(loss: LossSample, now: number): void {
    this.saveForUndo();
    this.isProbeSampled = false;
    const stamp = loss.packets[0]?.rate;
    if (stamp !== undefined && !stamp.isAppLimited) {
      // Deviation: the draft stays at what was in flight then. Beside a loss-based flow, which was cut by the same
      // overflow, that keeps what was taken from it.
      this.model.longTermInflight = BETA * Math.max(stamp.inFlight, this.targetInflight());
    }
    if (this.current === 'up') this.enterDown(now);
  }

  private saveForUndo(): void {
    this.undo = { state: this.current, bounds: this.model.bounds, windowBytes: this.windowBytes };
  }

  // States.

  private updateState(sample: AckSample, now: number): void {
    const { bytesInFlight, rate } = sample;
    if (this.current !== 'startup' && this.current !== 'drain' && this.current !== 'probeRtt') {
      this.adaptLongTerm(sample);
    }
    switch (this.current) {
      case 'startup':
        if (this.fullPipe.isFullNow) this.enterDrain();
        return;
      case 'drain':
        if (this.rounds.isStart) this.drainRounds++;
        if (bytesInFlight <= this.inflight() || this.drainRounds > MAXIMUM_DRAIN_ROUNDS) this.enterDown(now);
        return;
      case 'down':
        if (this.isTimeToProbe(now)) this.enterRefill(now);
        else if (bytesInFlight <= Math.min(this.inflight(), this.inflightWithHeadroom())) this.enterCruise();
        return;
      case 'cruise':
        if (this.isTimeToProbe(now)) this.enterRefill(now);
        return;
      case 'refill':
        if (this.rounds.isStart) this.enterUp(sample);
        return;
      case 'up':
        if (this.isWindowFull && this.windowBytes >= this.model.longTermInflight) {
          // The bound is the limit: the rate cannot tell whether there is more.
          this.fullPipe.reset(rate.deliveryRate);
        } else if (this.fullPipe.isFullNow) {
          this.enterDown(now);
        }
        return;
      case 'probeRtt':
        return;
    }
  }

  /** §5.3.3.6 */
  private adaptLongTerm({ rate, ackedBytes }: AckSample): void {
    const { model } = this;
    if (this.isCycleEnding && this.rounds.isStart) {
      this.isCycleEnding = false;
      this.isProbeSampled = false;
      if (!rate.isAppLimited) model.advanceCycle();
    }
    if (model.longTermInflight === Infinity || this.isCongestion()) return;
    model.longTermInflight = Math.max(model.longTermInflight, rate.inFlightAtSend);
    if (this.current !== 'up' || !this.isWindowFull || this.windowBytes < model.longTermInflight) return;
    const datagrams = this.cycle.raise(ackedBytes, this.windowBytes, this.maxDatagramSize);
    model.longTermInflight += datagrams * this.maxDatagramSize;
  }

  private isTimeToProbe(now: number): boolean {
    return this.cycle.isTimeToProbe(this.targetInflight() / this.maxDatagramSize, now);
  }

  private enterStartup(): void {
    this.current = 'startup';
    this.hasFilledPipe = false;
    this.fullPipe.reset(0);
  }

  private enterDrain(): void {
    this.current = 'drain';
    this.hasFilledPipe = true;
    this.drainRounds = 0;
    this.restartRound();
  }

  private enterDown(now: number): void {
    if (this.current === 'up') {
      this.cycle.onProbed(this.model.maxBandwidth >= this.bandwidthBeforeProbe * CLEARLY_MORE);
    }
    this.current = 'down';
    this.isCycleEnding = true;
    // What ended probing is not a reason to slow down as well.
    this.losses.startRound();
    this.cycle.start(now);
    this.restartRound();
  }

  private enterCruise(): void {
    this.current = 'cruise';
  }

  private enterRefill(now: number): void {
    this.current = 'refill';
    this.model.clearShortTerm();
    this.isCycleEnding = false;
    this.cycle.start(now);
    this.restartRound();
  }

  private enterUp({ rate }: AckSample): void {
    this.current = 'up';
    this.isProbeSampled = true;
    this.bandwidthBeforeProbe = this.model.maxBandwidth;
    this.cycle.startUp();
    this.fullPipe.reset(rate.deliveryRate);
    this.restartRound();
  }

  // ProbeRTT, §5.3.4.

  private updateProbeRtt(sample: AckSample, now: number): void {
    const { rate, bytesInFlight } = sample;
    const isSparse = rate.inFlightAtSend <= this.probeRttWindow();
    const isDue = this.model.rtt.update(rate.rttMs, isSparse, now);
    if (isDue && this.current !== 'probeRtt' && !this.isRestartedFromIdle) this.enterProbeRtt(rate);
    this.isRestartedFromIdle = false;
    if (this.current !== 'probeRtt') return;
    const isEmptied = bytesInFlight <= this.probeRttWindow();
    if (this.probeRtt.onAck(rate, isEmptied, this.rounds.isStart, now)) this.restartRound();
    if (this.probeRtt.isOver(false, now)) this.leaveProbeRtt(now);
  }

  private enterProbeRtt(rate: AckSample['rate']): void {
    this.current = 'probeRtt';
    this.windowBeforeProbeRtt = this.windowBytes;
    this.isProbeSampled = false;
    this.probeRtt.begin(rate);
    this.restartRound();
  }

  private leaveProbeRtt(now: number): void {
    this.model.rtt.onProbed(now);
    this.model.clearShortTerm();
    this.windowBytes = Math.max(this.windowBytes, this.windowBeforeProbeRtt);
    if (!this.hasFilledPipe) {
      this.current = 'startup';
      return;
    }
    this.cycle.start(now);
    this.isCycleEnding = false;
    this.restartRound();
    this.enterCruise();
  }

  private probeRttWindow(): number {
    return Math.max(WINDOW_GAIN.probeRtt * (this.model.bdp ?? 0), this.minimumWindow());
  }

  // What comes out.

  private setPacingRate(gain: number): void {
    const wanted = gain * this.model.bandwidth * PACING_MARGIN;
    // Deviation: never slower than the smallest window in a round trip. After an outage the last rates measured are those
    // of probes, seconds apart, from which the draft would find back a quarter at a time.
    const rate = Math.max(wanted, this.minimumWindow() / this.smoothedRtt);
    if (rate > (this.rate ?? 0) || this.hasFilledPipe) this.rate = rate;
  }

  /** §5.6.4. [CON-2] It does not grow while the application does not fill it. */
  private setWindow({ ackedBytes, isAppLimited, rate }: AckSample): void {
    const target = this.withQuanta(this.wantedInflight() ?? this.initialWindow());
    const grown = this.windowBytes + (isAppLimited ? 0 : ackedBytes);
    if (this.hasFilledPipe) this.windowBytes = Math.min(grown, target);
    else if (this.windowBytes < target || rate.totalDelivered < this.initialWindow())
      this.windowBytes = grown;
    this.windowBytes = Math.max(Math.min(this.windowBytes, this.windowCap()), this.minimumWindow());
  }

  /** §5.6.4.2 */
  private wantedInflight(): number | undefined {
    const { lumpBytes } = this.model;
    const gained = this.model.inflight(WINDOW_GAIN[this.current]);
    if (gained === undefined) return undefined;
    if (!this.hasFilledPipe) return gained + lumpBytes;
    // Deviation: the draft adds what comes acknowledged in lumps to the whole product with its gain. What the gain gives in
    // excess covers some of it, and with both a flow keeps its rate beside loss-based ones however full the queue is: where
    // a turn of the event loop acknowledges 100 KB it took 3.3 times the rate of a CUBIC flow. Without any it keeps its rate
    // beside one of its own kind.
    return Math.max(gained, SHARE_BESIDE_LUMPS * gained + lumpBytes);
  }

  /** §5.6.4.7 */
  private windowCap(): number {
    const { longTermInflight, shortTermInflight } = this.model;
    switch (this.current) {
      case 'startup':
        return Infinity;
      case 'drain':
      case 'down':
      case 'refill':
      case 'up':
        return Math.min(longTermInflight, shortTermInflight);
      case 'cruise':
        return Math.min(this.inflightWithHeadroom(), shortTermInflight);
      case 'probeRtt':
        return Math.min(this.inflightWithHeadroom(), shortTermInflight, this.probeRttWindow());
    }
  }

  /** What fills the path and no queue. */
  private inflight(): number {
    return this.withQuanta(this.model.inflight(1) ?? this.initialWindow());
  }

  /** §5.6.4.2: so much that a sender which wakes up every millisecond can keep the path busy. */
  private withQuanta(bytes: number): number {
    const probing = this.current === 'up' ? 2 * this.maxDatagramSize : 0;
    return Math.max(bytes, QUANTA * this.sendQuantum(), this.minimumWindow()) + probing;
  }

  /** §5.6.3 */
  private sendQuantum(): number {
    const { maxDatagramSize } = this;
    const bytes = (this.rate ?? 0) * SEND_QUANTUM_MS;
    return Math.min(Math.max(bytes, 2 * maxDatagramSize), MAXIMUM_QUANTUM_DATAGRAMS * maxDatagramSize);
  }

  private targetInflight(): number {
    return Math.min(this.model.bdp ?? Infinity, this.windowBytes);
  }

  /** §5.3.3.2: room for others that come to share the path. */
  private inflightWithHeadroom(): number {
    const { longTermInflight } = this.model;
    const headroom = Math.max(this.maxDatagramSize, HEADROOM * longTermInflight);
    return longTermInflight === Infinity
      ? Infinity
      : Math.max(longTermInflight - headroom, this.minimumWindow());
  }

  private initialWindow(): number {
    return Math.max(INITIAL_WINDOW_BYTES, this.minimumWindow());
  }

  private minimumWindow(): number {
    return MINIMUM_WINDOW_DATAGRAMS * this.maxDatagramSize;
  }
}

export interface BbrOptions {
  /** Bytes of the largest datagram the path takes; follow changes with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
  readonly random: Random;
  /** Share of datagrams, 0 to 0.5, that may be lost without being taken for congestion. */
  readonly toleratedLoss: number;
}

interface BeforeCut {
  readonly state: BbrState;
  readonly bounds: BbrBounds;
  readonly windowBytes: number;
}

/** §2.6, BBR.PacingMarginPercent: a little less than the path delivers, so that no queue builds up by itself. */
const PACING_MARGIN = 0.99;
/** §2.7, BBR.Headroom. */
const HEADROOM = 0.15;
/** §5.3.2 */
const MAXIMUM_DRAIN_ROUNDS = 3;
/** [CON-2], as of every controller here. */
const INITIAL_WINDOW_BYTES = 32 * 1_200;
/** §2.7, BBR.MinPipeCwnd: with an ACK for every second datagram fewer would stand still. */
const MINIMUM_WINDOW_DATAGRAMS = 4;
/** Keeps the sums finite where a simulated network has no delay. */
const MINIMUM_RTT_MS = 0.01;
/** Timers of Node wake up once a millisecond. */
const SEND_QUANTUM_MS = 1;
const MAXIMUM_QUANTUM_DATAGRAMS = 64;
const QUANTA = 3;
/** Of the product with its gain, where what comes acknowledged in lumps is added. */
const SHARE_BESIDE_LUMPS = 0.7;
/** As in startup: a probe that found less more than this has found where the path ends. */
const CLEARLY_MORE = 1.25;
/** A rate measured over one round trip varies: what it misses beyond the tolerated loss must be more than this. */
const RATE_NOISE = 0.05;
