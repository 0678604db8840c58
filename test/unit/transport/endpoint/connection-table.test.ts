import { ConnectionTable } from '../../../../src/transport/endpoint/connection-table.js';

const id = (...bytes: number[]): Uint8Array => Uint8Array.from({ length: 8 }, (_, i) => bytes[i] ?? 0);

describe('the connection table', () => {
  test('finds an ID inside a datagram', () => {
    const table = new ConnectionTable<string>();
    expect(table.add(id(1, 2, 3, 4, 5, 6, 7, 8), 'a')).toBe(true);
    expect(table.find(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 1)).toBe('a');
    expect(table.find(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 9), 1)).toBeUndefined();
  });

  test('an ID that differs in any byte is not found, and shares no entry by accident', () => {
    for (let at = 0; at < 8; at++) {
      for (const flip of [1, 0x20, 0x80]) {
        const table = new ConnectionTable<string>();
        const other = id(1, 2, 3, 4, 5, 6, 7, 8);
        table.add(id(1, 2, 3, 4, 5, 6, 7, 8), 'a');
        other[at] = (other[at] ?? 0) ^ flip;
        expect(table.find(other, 0)).toBeUndefined();
        table.remove(other);
        expect(table.size).toBe(1);
      }
    }
  });

  test('an ID whose key is taken is refused', () => {
    const table = new ConnectionTable<string>();
    table.add(id(1, 2, 3, 4), 'a');
    expect(table.add(id(1, 2, 3, 5), 'b')).toBe(false);
    table.remove(id(1, 2, 3, 4));
    expect(table.add(id(1, 2, 3, 5), 'b')).toBe(true);
  });
});
