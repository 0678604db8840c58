/**
 * Runs TypeScript in plain Node, outside jest: `node --import ./test/support/typescript.mjs FILE.ts`. For the seeds of the
 * simulator, which jest would slow down. Types are stripped, not checked: `npm run check` does that.
 */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
