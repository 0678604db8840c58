/**
 * The door `udprpc/details`: errors that say more than a status, in the messages of google.rpc that gRPC services
 * share. Handlers throw RichServerError, callers use `findDetails`; any other message can be a detail as well.
 */
export { type DetailInit, type DetailOf, type DetailType, packDetail } from './detail-type.js';
export { findDetails } from './find-details.js';
export { RichServerError } from './rich-server-error.js';
export { Any } from '../../generated/google/protobuf/any.js';
export {
  BadRequest,
  DebugInfo,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '../../generated/google/rpc/error_details.js';
