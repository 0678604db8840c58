const { createServer, createChannel } = require('udprpc');

const server = createServer();
server
  .listen('127.0.0.1:0')
  .then(async (port) => {
    const channel = createChannel(`udp://127.0.0.1:${port}`);
    await channel.close();
    await server.shutdown();
    console.log(`required, port ${port > 0}`);
  })
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
