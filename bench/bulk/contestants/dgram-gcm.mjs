/**
 * The limit under encryption: as `dgram.mjs`, each datagram sealed with AES-128-GCM of node:crypto and opened, its number the
 * nonce, with nothing else done for it.
 */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const DATAGRAM_BYTES = Number(process.env.DATAGRAM_BYTES ?? 65_507);
const OVERHEAD_BYTES = 4 + 16;
/** With more than 8 of the largest a receive buffer of 4 MiB (Linux counts its bookkeeping) was found to overflow. */
const WINDOW = DATAGRAM_BYTES > 10_000 ? 8 : 256;
const CREDIT_EVERY = WINDOW >> 2;

export async function serve() {
  const socket = newSocket();
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  socket.setSendBufferSize(4 << 20);
  const clear = Buffer.alloc(DATAGRAM_BYTES - OVERHEAD_BYTES);
  let sent = 0;
  let count = 0;
  // Each message says up to which datagram there is credit; one of 0 begins a fetch.
  socket.on('message', (message, { address, port }) => {
    if (message.length === 8) {
      sent = 0;
      count = message.readUInt32BE(4);
    }
    const limit = Math.min(message.readUInt32BE(0) + WINDOW, count);
    for (; sent < limit; sent++) socket.send(seal(sent, clear), port, address);
  });
  return socket.address().port;
}

export async function connect(port, bytes) {
  const socket = newSocket();
  const connected = once(socket, 'connect');
  socket.connect(port, '127.0.0.1');
  await connected;
  socket.setRecvBufferSize(4 << 20);
  const count = Math.ceil(bytes / (DATAGRAM_BYTES - OVERHEAD_BYTES));
  let onDatagram;
  socket.on('message', (message) => onDatagram(message));
  return () =>
    new Promise((resolve) => {
      let datagrams = 0;
      let received = 0;
      onDatagram = (message) => {
        received += open(message).length;
        datagrams += 1;
        if (datagrams === count) resolve(received);
        else if (datagrams % CREDIT_EVERY === 0) socket.send(credit(datagrams));
      };
      socket.send(Buffer.concat([credit(0), credit(count)]));
    });
}

function newSocket() {
  return createSocket({ type: 'udp4', lookup: (name, _options, callback) => callback(null, name, 4) });
}

const KEY = createSecretKey(Buffer.alloc(16, 7));

function nonceOf(number) {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 8);
  return nonce;
}

function seal(number, clear) {
  const datagram = Buffer.allocUnsafe(DATAGRAM_BYTES);
  datagram.writeUInt32BE(number);
  const cipher = createCipheriv('aes-128-gcm', KEY, nonceOf(number));
  cipher.setAAD(datagram.subarray(0, 4));
  cipher.update(clear).copy(datagram, 4);
  cipher.final();
  cipher.getAuthTag().copy(datagram, DATAGRAM_BYTES - 16);
  return datagram;
}

function open(datagram) {
  const cipher = createDecipheriv('aes-128-gcm', KEY, nonceOf(datagram.readUInt32BE()));
  cipher.setAAD(datagram.subarray(0, 4));
  cipher.setAuthTag(datagram.subarray(DATAGRAM_BYTES - 16));
  const clear = cipher.update(datagram.subarray(4, DATAGRAM_BYTES - 16));
  cipher.final();
  return clear;
}

function credit(datagrams) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(datagrams);
  return bytes;
}
