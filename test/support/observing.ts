/** Looks at the players of one side's connections after each of their steps, for what a connection does not tell. */
import {
  type ConnectionObserver,
  type ObserveConnection,
} from '../../src/transport/connection/connection-observer.js';
import { type Players } from '../../src/transport/connection/players.js';
import { type Side } from './endpoint-pair.js';

export function observing(side: Side, onStep: (players: Players) => void): ObserveConnection {
  const nothing = (): void => undefined;
  const observer: ConnectionObserver = {
    onPacketSent: nothing,
    onPacketReceived: nothing,
    onPacketDropped: nothing,
    onRetry: nothing,
    onPacketsLost: nothing,
    onRecoveryTimeout: nothing,
    onPeerParameters: nothing,
    onClosed: nothing,
    onStep,
    onForgotten: nothing,
  };
  return ({ role }) => (role === side ? observer : undefined);
}
