/** Prints a certificate and its key for the IP address that is given, as JSON. */
import { generate } from 'selfsigned';

const { cert, private: key } = await generate([{ name: 'commonName', value: 'udprpc bench' }], {
  keyType: 'ec',
  algorithm: 'sha256',
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: process.argv[2] }] }],
});
process.stdout.write(JSON.stringify({ cert, key }));
