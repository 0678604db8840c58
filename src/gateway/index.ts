/**
 * `udprpc/gateway`: calls between gRPC over HTTP/2 and UDP, in both directions, byte for byte and without their protos. A door of
 * its own: node:http2 is loaded only by who comes through it.
 *
 * @module
 */
export { TargetError } from '../driver/target.js';
export { TlsOptionsError } from '../driver/tls-options.js';
export { type Gateway } from './gateway.js';
export { type GrpcServerTlsOptions } from './grpc-server-link.js';
export {
  createGrpcToUdpGateway,
  type GatewayTlsOptions,
  type GrpcToUdpGatewayOptions,
} from './grpc-to-udp-gateway.js';
export { createUdpToGrpcGateway, type UdpToGrpcGatewayOptions } from './udp-to-grpc-gateway.js';
