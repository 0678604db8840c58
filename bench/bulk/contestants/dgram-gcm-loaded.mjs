/** `dgram-gcm.mjs` in a process whose heap holds a program: the product's modules, of which it uses nothing. */
import '../../../dist/src/index.js';
import '../../../dist/src/images/index.js';

export * from './dgram-gcm.mjs';
