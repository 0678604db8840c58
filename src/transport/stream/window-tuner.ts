/**
 * The receive windows of one connection: how large they become, and whether there is memory to tell the peer of more.
 * [FLC-7] A window doubles when the peer turns it over in less than some round trips and the application keeps up, so that it
 * ends at some times the bandwidth-delay product, and a slow reader's never grows. Limits that are due while the memory
 * of all connections is taken are withheld, and told when there is room again.
 */
import { type BufferBudget } from './buffer-budget.js';
import { type ReceiveWindow } from './flow-control.js';
import { type PathCapacity } from './path-capacity.js';
import { type Stream } from './stream.js';
import { type StreamLimits } from './stream-limits.js';

/** The connection's window holds the largest stream's and has room for others (as quic-go has it). */
const CONNECTION_WINDOW_FACTOR = 1.5;

export class WindowTuner {
  private readonly connection: ReceiveWindow;
  private readonly budget: BufferBudget;
  private readonly path: PathCapacity;
  private readonly maxStreamWindow: number;
  private readonly maxConnectionWindow: number;
  private readonly onWithheld: () => void;
  private withheldStreams: Stream[] = [];
  private isConnectionWithheld = false;

  /** `onWithheld`: `takeWithheld` is to be asked when the budget has room. */
  constructor(
    connection: ReceiveWindow,
    { maxStreamWindow, maxConnectionWindow }: StreamLimits,
    budget: BufferBudget,
    path: PathCapacity,
    onWithheld: () => void,
  ) {
    this.connection = connection;
    this.budget = budget;
    this.path = path;
    this.maxStreamWindow = maxStreamWindow;
    this.maxConnectionWindow = maxConnectionWindow;
    this.onWithheld = onWithheld;
  }

  /** Memory is short, and the peer has as much credit as it may have then. */
  mustWithhold(window: ReceiveWindow): boolean {
    return this.budget.isExhausted && !window.isWorthTellingShort;
  }

  withhold(stream: Stream): void {
    if (!stream.isLimitWithheld) this.withheldStreams.push(stream);
    stream.isLimitWithheld = true;
    this.onWithheld();
  }

  withholdConnection(): void {
    this.isConnectionWithheld = true;
    this.onWithheld();
  }

  /** There is room: what was withheld is due again. */
  takeWithheld(): { readonly streams: readonly Stream[]; readonly hasConnection: boolean } {
    const streams = this.withheldStreams;
    const hasConnection = this.isConnectionWithheld;
    this.clear();
    return { streams, hasConnection };
  }

  /** The new limit of all streams together. */
  advertiseConnection(now: number): number {
    const { connection } = this;
    this.tune(connection, this.maxConnectionWindow, now);
    return connection.advertise(this.budget.isExhausted);
  }

  /** The new limit of one stream. */
  advertiseStream(window: ReceiveWindow, now: number): number {
    if (this.tune(window, this.maxStreamWindow, now)) {
      const needed = Math.ceil(window.window * CONNECTION_WINDOW_FACTOR);
      this.connection.growTo(Math.min(needed, this.maxConnectionWindow));
    }
    return window.advertise(this.budget.isExhausted);
  }

  clear(): void {
    for (const stream of this.withheldStreams) stream.isLimitWithheld = false;
    this.withheldStreams = [];
    this.isConnectionWithheld = false;
  }

  private tune(window: ReceiveWindow, maxBytes: number, now: number): boolean {
    // Asked first, because it measures.
    const isTooSmall = window.takeIsTooSmall(this.path.smoothedRttMs, now);
    if (!isTooSmall || window.window >= maxBytes || !this.budget.mayGrow) return false;
    window.growTo(Math.min(window.window * 2, maxBytes));
    return true;
  }
}
