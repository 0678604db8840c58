import { qlogFrames } from '../../../src/observe/qlog-frames.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';

const eight = [1, 2, 3, 4, 5, 6, 7, 8];

/** Bytes by PROTOCOL §6, written by hand; what they are in qlog by its drafts. */
test.each<[string, number[], object]>([
  ['a run of PADDING', [0, 0, 0], { frame_type: 'padding', payload_length: 3 }],
  ['PING', [1], { frame_type: 'ping' }],
  [
    'ACK of 9 to 10 and 5',
    [2, 10, 0x47, 0xd0, 1, 1, 2, 0],
    { frame_type: 'ack', ack_delay: 2, acked_ranges: [[9, 10], [5]] },
  ],
  ['RESET_STREAM', [4, 8, 2, 9], { frame_type: 'reset_stream', stream_id: 8, error_code: 2, final_size: 9 }],
  ['STOP_SENDING', [5, 8, 2], { frame_type: 'stop_sending', stream_id: 8, error_code: 2 }],
  ['HANDSHAKE', [6, 3, 2, 7, 7], { frame_type: 'crypto', offset: 3, length: 2 }],
  ['NEW_TOKEN without its bytes', [7, 2, 9, 9], { frame_type: 'new_token', token: { raw: { length: 2 } } }],
  [
    'STREAM with offset, length and FIN',
    [0x0f, 4, 5, 1, 9],
    { frame_type: 'stream', stream_id: 4, offset: 5, length: 1, fin: true },
  ],
  ['STREAM to the end', [0x08, 4, 9, 9], { frame_type: 'stream', stream_id: 4, offset: 0, length: 2 }],
  ['MAX_DATA', [0x10, 5], { frame_type: 'max_data', maximum: 5 }],
  ['MAX_STREAM_DATA', [0x11, 4, 5], { frame_type: 'max_stream_data', stream_id: 4, maximum: 5 }],
  ['MAX_STREAMS', [0x12, 5], { frame_type: 'max_streams', stream_type: 'bidirectional', maximum: 5 }],
  ['DATA_BLOCKED', [0x14, 5], { frame_type: 'data_blocked', limit: 5 }],
  ['STREAM_DATA_BLOCKED', [0x15, 4, 5], { frame_type: 'stream_data_blocked', stream_id: 4, limit: 5 }],
  ['STREAMS_BLOCKED', [0x16, 5], { frame_type: 'streams_blocked', stream_type: 'bidirectional', limit: 5 }],
  [
    'NEW_CONNECTION_ID without its reset token',
    [0x18, 2, 1, 8, ...eight, ...eight, ...eight],
    {
      frame_type: 'new_connection_id',
      sequence_number: 2,
      retire_prior_to: 1,
      connection_id: '0102030405060708',
    },
  ],
  ['RETIRE_CONNECTION_ID', [0x19, 2], { frame_type: 'retire_connection_id', sequence_number: 2 }],
  ['PATH_CHALLENGE', [0x1a, ...eight], { frame_type: 'path_challenge', data: '0102030405060708' }],
  ['PATH_RESPONSE', [0x1b, ...eight], { frame_type: 'path_response', data: '0102030405060708' }],
  [
    'CLOSE of the transport',
    [0x1c, 0x0a, 1, 0x78],
    {
      frame_type: 'connection_close',
      error_space: 'transport',
      error_code: 'protocol_violation',
      raw_error_code: 10,
      reason: 'x',
    },
  ],
  [
    'CLOSE of the application',
    [0x1d, 0x0a, 0],
    {
      frame_type: 'connection_close',
      error_space: 'application',
      error_code: 10,
      raw_error_code: 10,
      reason: '',
    },
  ],
  ['HANDSHAKE_DONE', [0x1e], { frame_type: 'handshake_done' }],
  ['what is no frame', [0x3f, 1, 2], { frame_type: 'unknown', raw_frame_type: 0x3f, raw_length: 3 }],
])('%s', (_name, bytes, expected) => {
  expect(qlogFrames(Uint8Array.from(bytes), PacketSpace.PROTECTED)).toEqual([expected]);
});

test('behind what cannot be read nothing is made up', () => {
  const frames = qlogFrames(Uint8Array.of(1, 0x10), PacketSpace.PROTECTED);
  expect(frames).toEqual([
    { frame_type: 'ping' },
    { frame_type: 'unknown', raw_frame_type: 0x10, raw_length: 1 },
  ]);
});
