/** A call's envelope, and the two structures that everything stands on. */
import { DeadlineHeap, NOT_QUEUED } from '../../src/base/deadline-heap.js';
import { RangeSet } from '../../src/base/range-set.js';
import { decodeRequestHeader, writeRequestHeader } from '../../src/rpc/framing/request-header.js';
import { UnitReader } from '../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../src/rpc/framing/unit-writer.js';

export function* rpcCases() {
  const header = {
    path: 'image.v1.ImageService/GetChunk',
    timeoutMs: 30_000,
    clientInstance: new Uint8Array(16).fill(9),
    sequence: 1_000,
    attempt: 1,
    ageMs: 0,
    isDeclaredIdempotent: false,
    metadata: undefined,
  };
  const message = new Uint8Array(30);
  const writer = new UnitWriter();
  yield {
    name: 'request header and 30 B message: write',
    run(count) {
      for (let i = 0; i < count; i++) {
        writer.clear();
        writeRequestHeader(writer, header);
        writer.message(message);
      }
    },
  };
  const bytes = writer.bytes.slice();
  yield {
    name: 'request header and 30 B message: read',
    run(count) {
      for (let i = 0; i < count; i++) {
        const reader = new UnitReader(4 << 20);
        reader.push(bytes);
        decodeRequestHeader(reader.next().body);
        reader.next();
      }
    },
  };
  yield rangeSetCase();
  yield deadlineHeapCase();
}

/** As a receiver's packet numbers with one in ten lost: a new range now and then, and the oldest leave. */
function rangeSetCase() {
  const set = new RangeSet();
  let next = 0;
  return {
    name: 'RangeSet: add one of 32 ranges, drop the oldest',
    run(count) {
      for (let i = 0; i < count; i++, next++) {
        if (next % 10 !== 0) set.add(next, next + 1);
        if (set.size > 32) set.removeBelow(set.end(0));
      }
    },
  };
}

function deadlineHeapCase() {
  const heap = new DeadlineHeap();
  const entries = Array.from({ length: 10_000 }, (_, i) => ({ dueAt: i * 1.5, heapIndex: NOT_QUEUED }));
  for (const entry of entries) heap.add(entry);
  let at = 0;
  return {
    name: 'DeadlineHeap of 10,000: one moves to the end',
    run(count) {
      for (let i = 0; i < count; i++) {
        const entry = entries[(at = (at + 7_919) % entries.length)];
        heap.remove(entry);
        entry.dueAt += 15_000;
        heap.add(entry);
      }
    },
  };
}
