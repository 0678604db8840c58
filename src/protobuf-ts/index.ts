/**
 * Entry point `udprpc/protobuf-ts`: clients of `@protobuf-ts/runtime-rpc`, an optional peer, over a channel.
 *
 * @module
 */
export { transportFromChannel, type TransportOptions } from './channel-transport.js';
export { type AdapterCallOptions } from '../adapters/bytes-methods.js';
