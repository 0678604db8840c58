/**
 * Has the pipe been filled? (draft-ietf-ccwg-bbr §5.3.1.2) While sending faster brings more, it is not: three rounds in
 * which the delivery rate grew by less than a quarter say that it is.
 */
import { type RateSample } from '../recovery/delivery-rate.js';

export class FullPipe {
  private baseline = 0;
  private roundsWithoutGrowth = 0;
  private isFull = false;

  /** Full since `reset`. */
  get isFullNow(): boolean {
    return this.isFull;
  }

  update(rate: RateSample, isRoundStart: boolean): void {
    if (this.isFull || rate.isAppLimited) return;
    if (rate.deliveryRate >= this.baseline * GROWTH && rate.deliveryRate > 0) {
      this.reset(rate.deliveryRate);
    } else if (isRoundStart) {
      this.roundsWithoutGrowth++;
      this.isFull = this.roundsWithoutGrowth >= ROUNDS;
    }
  }

  /** Looks anew, for growth over `baseline`. */
  reset(baseline: number): void {
    this.baseline = baseline;
    this.roundsWithoutGrowth = 0;
    this.isFull = false;
  }
}

const GROWTH = 1.25;
const ROUNDS = 3;
