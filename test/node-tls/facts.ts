/** All that the driver needs to know of node:tls. */
import { closingFacts } from './closing-facts.js';
import { type Fact } from './fact.js';
import { handshakeFacts } from './handshake-facts.js';
import { refusalFacts } from './refusal-facts.js';
import { sessionFacts } from './session-facts.js';

export const FACTS: readonly Fact[] = [...handshakeFacts, ...refusalFacts, ...sessionFacts, ...closingFacts];
