/** Prints the directory in which the certificate of a server under development is kept. */
import { dirname } from 'node:path';
import { developmentCertificate } from '../../../src/certificates/index.js';

process.stdout.write(`${dirname((await developmentCertificate()).path)}\n`);
