/** grpc-js with a flow-control window of 8 MiB, which is the best that was found for it. */
import * as defaults from './grpc-js.mjs';

const OPTIONS = { 'grpc-node.flow_control_window': 8 << 20 };

export const serve = (directory) => defaults.serve(directory, OPTIONS);
export const connect = (port, bytes) => defaults.connect(port, bytes, OPTIONS);
