/** Controllers by their public names. */
import { type Random } from '../../base/random.js';
import { Bbr } from './bbr.js';
import { type CongestionController } from './congestion-controller.js';
import { Cubic } from './cubic.js';

/** `cubic`: RFC 9438 with HyStart++ (RFC 9406). `bbr`: draft-ietf-ccwg-bbr, the third version. */
export type CongestionControl = 'bbr' | 'cubic';

export interface ControllerMeans {
  /** Bytes of the largest datagram the path takes; changes are told with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
  readonly random: Random;
  /** `TransportOptions.toleratedLoss` */
  readonly toleratedLoss: number;
}

export function createController(name: CongestionControl, means: ControllerMeans): CongestionController {
  return CONTROLLERS[name](means);
}

const CONTROLLERS: Readonly<Record<CongestionControl, (means: ControllerMeans) => CongestionController>> = {
  bbr: (means) => new Bbr(means),
  cubic: ({ maxDatagramSize }) => new Cubic({ maxDatagramSize }),
};
