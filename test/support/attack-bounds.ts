/** What an authenticated peer may cost at most, whatever it sends: the same for every attack. */

/** Memory that one hostile connection may hold beyond what an idle one does. */
export const MAX_ATTACK_BYTES = 16 << 20;

/**
 * CPU time for each byte received, µs. Ten times what the worst attack costs on an idle core (0.6), so that a slow or
 * busy machine does not pass it; costs that grow with what came before do.
 */
export const MAX_CPU_MICROS_PER_BYTE = 8;
