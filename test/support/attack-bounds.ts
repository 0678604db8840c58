/** What an authenticated peer may cost at most, whatever it sends: the same for every attack. */

/** Memory that one hostile connection may hold beyond what an idle one does. */
export const MAX_ATTACK_BYTES = 16 << 20;

/**
 * CPU time for each byte received, µs: a datagram of 1,200 bytes may cost 2.4 ms, a hundred times what an honest one
 * does. Costs that grow with what came before pass it, a slow or busy machine does not.
 */
export const MAX_CPU_MICROS_PER_BYTE = 2;
