/** Controllers by their public names. */
import { type Random } from '../../base/random.js';
import { type CongestionController } from './congestion-controller.js';
import { NewReno } from './new-reno.js';

/** `newreno`: RFC 9002 §7. */
export type CongestionControl = 'newreno';

export interface ControllerMeans {
  /** Bytes of the largest datagram the path takes; changes are told with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
  readonly random: Random;
}

export function createController(name: CongestionControl, means: ControllerMeans): CongestionController {
  switch (name) {
    case 'newreno':
      return new NewReno({ maxDatagramSize: means.maxDatagramSize });
  }
}
