/** The limit without batching: a bare node:dgram echo, one datagram a call, matched by a counter. */
import dgram from 'node:dgram';

export async function serve() {
  const socket = dgram.createSocket('udp4');
  const answer = Buffer.alloc(100);
  socket.on('message', (message, { port, address }) => {
    message.copy(answer, 0, 0, 4);
    socket.send(Buffer.from(answer), port, address);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

export async function connect(port) {
  const socket = dgram.createSocket('udp4');
  await new Promise((resolve) => socket.connect(port, '127.0.0.1', resolve));
  const waiting = new Map();
  let next = 0;
  socket.on('message', (message) => {
    const id = message.readUInt32BE(0);
    waiting.get(id)?.();
    waiting.delete(id);
  });
  return {
    call: () =>
      new Promise((resolve) => {
        const request = Buffer.allocUnsafe(30);
        request.writeUInt32BE(next, 0);
        waiting.set(next, resolve);
        next = (next + 1) >>> 0;
        socket.send(request);
      }),
    close: async () => socket.close(),
  };
}
