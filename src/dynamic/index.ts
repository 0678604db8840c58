/**
 * Entry point `udprpc/dynamic`: services from `.proto` files at run time.
 *
 * @module
 */
export { type LoadOptions } from './load-root.js';
export { type DynamicMessage, loadServices } from './load-services.js';
