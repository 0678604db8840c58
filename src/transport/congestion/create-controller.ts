/** Controllers by their public names. */
import { type Random } from '../../base/random.js';
import { type CongestionController } from './congestion-controller.js';
import { Cubic } from './cubic.js';

/** `cubic`: RFC 9438 with HyStart++ (RFC 9406). */
export type CongestionControl = 'cubic';

export interface ControllerMeans {
  /** Bytes of the largest datagram the path takes; changes are told with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
  readonly random: Random;
}

export function createController(name: CongestionControl, means: ControllerMeans): CongestionController {
  return CONTROLLERS[name](means);
}

const CONTROLLERS: Readonly<Record<CongestionControl, (means: ControllerMeans) => CongestionController>> = {
  cubic: ({ maxDatagramSize }) => new Cubic({ maxDatagramSize }),
};
