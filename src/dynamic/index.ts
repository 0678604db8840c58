/** Entry point `udprpc/dynamic`: services from `.proto` files at run time. */
export { type DynamicMessage, type LoadOptions, loadServices } from './load-services.js';
