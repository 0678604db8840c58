import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createCipheriv } from 'node:crypto';
import { giveMemory } from '../../../src/base/owned-memory.js';
import { freeBytes, freeMemory } from '../../../src/driver/free-memory.js';

test('what a cipher made is gone at once, and all views of it are empty', () => {
  const sealed = createCipheriv('aes-128-gcm', new Uint8Array(16), new Uint8Array(12)).update(
    new Uint8Array(70_000),
  );
  const view = sealed.subarray(10, 20);
  const before = process.memoryUsage().arrayBuffers;
  freeMemory(sealed);
  expect([sealed.length, view.length]).toEqual([0, 0]);
  // A collection at this moment frees what others had, too.
  expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThanOrEqual(70_000);
});

test('what a socket received is gone at once', async () => {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const received = once(socket, 'message');
    socket.send(new Uint8Array(30_000), socket.address().port, '127.0.0.1');
    const [datagram] = (await received) as [Buffer];
    expect(datagram.length).toBe(30_000);
    freeMemory(datagram);
    expect(datagram.length).toBe(0);
  } finally {
    socket.close();
  }
});

test('the memory of a received message is gone at once; that of others is theirs', () => {
  const given = new Uint8Array(20_000);
  const other = new Uint8Array(20_000);
  giveMemory(given);
  freeBytes(given.subarray(5, 19_000));
  freeBytes(given);
  freeBytes(other);
  expect([given.length, other.length]).toEqual([0, 20_000]);
});

test('what is small is left to the collector', () => {
  const small = new Uint8Array(1_000);
  freeMemory(small);
  expect(small.length).toBe(1_000);
});

test('a part of a larger buffer is left alone: others have the rest', () => {
  const all = new Uint8Array(100_000);
  freeMemory(all.subarray(50_000));
  expect(all.length).toBe(100_000);
});
