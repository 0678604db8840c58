/** Entry point `udprpc/dynamic`: services from `.proto` files at run time. */
export { type LoadOptions } from './load-root.js';
export { type DynamicMessage, loadServices } from './load-services.js';
