import { type Datagram } from '../../../src/sim/link.js';
import { LinkCounts } from '../../../src/testing/link-counts.js';

function datagram(from: string, to: string, size: number): Datagram {
  return { from: { ip: from, port: 1 }, to: { ip: to, port: 2 }, bytes: new Uint8Array(size) };
}

test('counts each direction apart, and sums those that are asked for', () => {
  const counts = new LinkCounts();
  counts.onSent(datagram('a', 'b', 100));
  counts.onFate('lost', datagram('a', 'b', 100));
  counts.onSent(datagram('b', 'a', 30));
  counts.onFate('delivered', datagram('b', 'a', 30));
  expect(counts.sumOf({})).toMatchObject({ sent: 2, sentBytes: 130, lost: 1, delivered: 1, noSocket: 0 });
  expect(counts.sumOf({ from: 'a' })).toMatchObject({ sent: 1, sentBytes: 100, lost: 1, delivered: 0 });
  expect(counts.sumOf({ to: 'a' })).toMatchObject({ sent: 1, sentBytes: 30, lost: 0, delivered: 1 });
  expect(counts.sumOf({ from: 'c' })).toMatchObject({ sent: 0, delivered: 0 });
});
