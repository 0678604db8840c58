/** A test that plays a peer by hand reads and writes whatever it is told: its limit is what a unit holds. */
import { type MetadataLimit } from '../../src/rpc/framing/metadata-limit.js';

export const ANY_METADATA: MetadataLimit = { maxBytes: Infinity, name: "the test's limit" };
