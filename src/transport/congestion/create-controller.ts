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

/** Throws RangeError for a name that is none; undefined is not given. */
export function checkCongestionControl(name: CongestionControl | undefined, option: string): void {
  if (name === undefined || Object.hasOwn(CONTROLLERS, name)) return;
  const names = Object.keys(CONTROLLERS).map((known) => JSON.stringify(known));
  throw new RangeError(`${option} is ${JSON.stringify(name)}: it takes ${names.join(' or ')}`);
}

const CONTROLLERS: Readonly<Record<CongestionControl, (means: ControllerMeans) => CongestionController>> = {
  bbr: (means) => new Bbr(means),
  cubic: ({ maxDatagramSize }) => new Cubic({ maxDatagramSize }),
};
