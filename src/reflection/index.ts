/**
 * The door `udprpc/reflection`: the published reflection service (grpc.reflection.v1), by which `udprpc call` and other
 * tools learn what a server offers. A door of its own, because it reads descriptors, which nobody else does.
 *
 * @module
 */
export {
  createReflectionService,
  type ReflectionOptions,
  ServerReflectionV1AlphaDefinition,
} from './reflection-service.js';
/** Its own descriptors; `createReflectionService` has them already. */
export { fileDescriptorSet as reflectionDescriptors } from '../../generated/grpc/reflection/v1/reflection.descriptors.js';
export {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../generated/grpc/reflection/v1/reflection.js';
