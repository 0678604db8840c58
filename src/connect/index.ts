/**
 * Entry point `udprpc/connect`: clients of `@connectrpc/connect`, an optional peer, over a channel.
 *
 * @module
 */
export { transportFromChannel, type TransportOptions } from './channel-transport.js';
export { type AdapterCallOptions } from '../adapters/bytes-methods.js';
