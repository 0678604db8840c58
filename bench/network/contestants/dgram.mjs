/**
 * A bare node:dgram sender with a credit window: numbered datagrams, never more than a window of them beyond the newest that
 * the receiver has told of, nothing sent again. What a link and Node give at best; the bytes that were lost are missing.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { timed } from './payload.mjs';

const DATAGRAM_BYTES = 1_452;
const WINDOW = 128;
const CREDIT_EVERY = 8;
const NUDGE_MS = 5;

export async function serve(host, _controller, bytes) {
  const count = Math.ceil(Number(bytes) / DATAGRAM_BYTES);
  const socket = bind();
  socket.on('message', (message, { address, port }) => {
    if (message.length !== 1) return;
    const sender = { next: 0, newest: -1 };
    const buffers = Array.from({ length: WINDOW * 2 }, () => Buffer.alloc(DATAGRAM_BYTES));
    const fill = () => {
      while (sender.next < count && sender.next - sender.newest <= WINDOW) {
        const buffer = buffers[sender.next % buffers.length];
        buffer.writeUInt32BE(sender.next);
        socket.send(buffer, port, address);
        sender.next++;
      }
    };
    // A window of which everything, or its credit, was lost would stand for ever.
    let newestAtNudge = -1;
    const nudge = setInterval(() => {
      if (sender.newest === newestAtNudge) sender.newest = sender.next - 1;
      newestAtNudge = sender.newest;
      fill();
      if (sender.next >= count) clearInterval(nudge);
    }, NUDGE_MS);
    socket.on('message', (credit) => {
      if (credit.length !== 4) return;
      sender.newest = Math.max(sender.newest, credit.readUInt32BE());
      fill();
    });
    fill();
  });
  const listening = once(socket, 'listening');
  socket.bind(0, host);
  await listening;
  widen(socket);
  return socket.address().port;
}

export async function fetch(host, port, _controller, bytes) {
  const count = Math.ceil(Number(bytes) / DATAGRAM_BYTES);
  const socket = bind();
  const connected = once(socket, 'connect');
  socket.connect(Number(port), host);
  await connected;
  widen(socket);
  return timed(
    () =>
      new Promise((resolve) => {
        let received = 0;
        let quiet;
        const credit = Buffer.alloc(4);
        const done = () => resolve({ bytes: received });
        socket.on('message', (message) => {
          received += message.length;
          const number = message.readUInt32BE();
          if (number % CREDIT_EVERY === 0) {
            credit.writeUInt32BE(number);
            socket.send(credit);
          }
          if (number >= count - 1) done();
          else if (number >= count - WINDOW) quiet ??= setTimeout(done, 2 * NUDGE_MS);
        });
        socket.send(Buffer.alloc(1));
      }),
  );
}

function bind() {
  // Addresses need no lookup, and Node's own would cost a turn of the loop for each datagram.
  return createSocket({ type: 'udp4', lookup: (name, _options, callback) => callback(null, name, 4) });
}

function widen(socket) {
  socket.setRecvBufferSize(4 << 20);
  socket.setSendBufferSize(4 << 20);
}
