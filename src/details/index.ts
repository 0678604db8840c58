/**
 * The door `udprpc/details`: errors that say more than a status, in the messages of google.rpc that gRPC services
 * share. Handlers throw RichServerError, callers use `findDetails`; any other message can be a detail as well.
 *
 * @module
 */
export { type DetailInit, type DetailOf, type DetailType, packDetail } from './detail-type.js';
export { findDetails } from './find-details.js';
export { RichServerError } from './rich-server-error.js';
export { Any } from '../../generated/google/protobuf/any.js';
export { type Duration } from '../../generated/google/protobuf/duration.js';
export {
  BadRequest,
  type BadRequest_FieldViolation,
  DebugInfo,
  ErrorInfo,
  Help,
  type Help_Link,
  LocalizedMessage,
  PreconditionFailure,
  type PreconditionFailure_Violation,
  QuotaFailure,
  type QuotaFailure_Violation,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '../../generated/google/rpc/error_details.js';
