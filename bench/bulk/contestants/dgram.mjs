/**
 * The limit: a bare node:dgram sender of datagrams as large as the product finds loopback to carry, with a credit window,
 * which repairs nothing, checks nothing, and reads no file.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const DATAGRAM_BYTES = Number(process.env.DATAGRAM_BYTES ?? 65_507);
/** With more than 8 of the largest a receive buffer of 4 MiB (Linux counts its bookkeeping) was found to overflow. */
const WINDOW = DATAGRAM_BYTES > 10_000 ? 8 : 256;
const CREDIT_EVERY = WINDOW >> 2;

export async function serve() {
  const socket = open();
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  socket.setSendBufferSize(4 << 20);
  const buffer = Buffer.alloc(DATAGRAM_BYTES);
  let sent = 0;
  let count = 0;
  // Each message says up to which datagram there is credit; one of 0 begins a fetch.
  socket.on('message', (message, { address, port }) => {
    if (message.length === 8) {
      sent = 0;
      count = message.readUInt32BE(4);
    }
    const limit = Math.min(message.readUInt32BE(0) + WINDOW, count);
    for (; sent < limit; sent++) socket.send(buffer, port, address);
  });
  return socket.address().port;
}

export async function connect(port, bytes) {
  const socket = open();
  const connected = once(socket, 'connect');
  socket.connect(port, '127.0.0.1');
  await connected;
  socket.setRecvBufferSize(4 << 20);
  const count = Math.ceil(bytes / DATAGRAM_BYTES);
  let onDatagram;
  socket.on('message', (message) => onDatagram(message));
  return () =>
    new Promise((resolve) => {
      let datagrams = 0;
      let received = 0;
      onDatagram = (message) => {
        received += message.length;
        datagrams += 1;
        if (datagrams === count) resolve(received);
        else if (datagrams % CREDIT_EVERY === 0) socket.send(credit(datagrams));
      };
      socket.send(Buffer.concat([credit(0), credit(count)]));
    });
}

function open() {
  return createSocket({ type: 'udp4', lookup: (name, _options, callback) => callback(null, name, 4) });
}

function credit(datagrams) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(datagrams);
  return bytes;
}
