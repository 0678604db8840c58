import fc from 'fast-check';
import { TextMemory } from '../../../../src/rpc/framing/text-memory.js';

const encoder = new TextEncoder();

describe('TextMemory', () => {
  test('what it finds is the text of exactly these bytes, wherever they stand', () => {
    // Short and of few letters, so that many share a slot.
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 6 }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(texts, fc.nat({ max: 5 }), (list, offset) => {
        const memory = new TextMemory();
        for (const text of list) {
          const bytes = new Uint8Array([...new Uint8Array(offset), ...encoder.encode(text), 7]);
          const known = memory.find(bytes, offset, bytes.length - 1);
          expect(known === undefined || known === text).toBe(true);
          memory.remember(bytes, offset, bytes.length - 1, text);
          expect(memory.find(bytes, offset, bytes.length - 1)).toBe(text);
        }
      }),
    );
  });

  test('it keeps its own copy of the bytes', () => {
    const memory = new TextMemory();
    const bytes = encoder.encode('a/b');
    memory.remember(bytes, 0, 3, 'a/b');
    bytes.fill(0);
    expect(memory.find(encoder.encode('a/b'), 0, 3)).toBe('a/b');
  });

  test('a long text is not remembered', () => {
    const memory = new TextMemory();
    const bytes = encoder.encode('x'.repeat(257));
    memory.remember(bytes, 0, 257, 'x'.repeat(257));
    expect(memory.find(bytes, 0, 257)).toBe(undefined);
    memory.remember(bytes, 0, 256, 'x'.repeat(256));
    expect(memory.find(bytes, 0, 256)).toBe('x'.repeat(256));
  });
});
