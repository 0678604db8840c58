/**
 * The door `udprpc/health`: the published health service (grpc.health.v1). A door of its own, because few clients need
 * its messages.
 *
 * @module
 */
export {
  type DrainingSource,
  HealthDefinition,
  HealthService,
  type HealthStatus,
  type HealthSubject,
} from './health-service.js';
/** Its descriptors, for `createReflectionService`. */
export { fileDescriptorSet as healthDescriptors } from '../../generated/grpc/health/v1/health.descriptors.js';
export {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  type HealthListRequest,
  type HealthListResponse,
} from '../../generated/grpc/health/v1/health.js';
