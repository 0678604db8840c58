/**
 * `udprpc/certificates`: the certificate of a server under development, and certificates out of files. A door of its own: what speaks
 * plaintext, or has its certificates from elsewhere, needs none of it.
 *
 * @module
 */
export { CertificateError } from './certificate-error.js';
export {
  developmentCertificate,
  type DevelopmentCertificate,
  type DevelopmentCertificateOptions,
} from './development-certificate.js';
export { type Identity } from './make-certificate.js';
export { type IdentityPaths, readCertificates, readIdentity } from './read-identity.js';
