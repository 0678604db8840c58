import { TokenMemory } from '../../../../src/transport/endpoint/token-memory.js';

const server = { ip: '192.0.2.1', port: 5_005 };

describe('a client’s tokens', () => {
  test('[TOK-5] of each server the latest is kept, and given out once', () => {
    const memory = new TokenMemory();
    memory.keep(server, Uint8Array.of(1));
    memory.keep({ ...server, port: 5_006 }, Uint8Array.of(9));
    memory.keep(server, Uint8Array.of(2));
    expect(memory.take(server)).toEqual(Uint8Array.of(2));
    expect(memory.take(server)).toBeUndefined();
    expect(memory.take({ ...server, port: 5_006 })).toEqual(Uint8Array.of(9));
  });

  test('[TOK-5] one that would leave a hello no room is not kept', () => {
    const memory = new TokenMemory();
    memory.keep(server, new Uint8Array(257));
    expect(memory.take(server)).toBeUndefined();
    memory.keep(server, new Uint8Array(256));
    expect(memory.take(server)).toHaveLength(256);
  });

  test('of more than 16 servers the one that gave its token first is forgotten', () => {
    const memory = new TokenMemory();
    for (let port = 1; port <= 17; port++) memory.keep({ ...server, port }, Uint8Array.of(port));
    expect(memory.take({ ...server, port: 1 })).toBeUndefined();
    for (let port = 2; port <= 17; port++)
      expect(memory.take({ ...server, port })).toEqual(Uint8Array.of(port));
  });
});
