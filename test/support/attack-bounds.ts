/** What an authenticated peer may cost at most, whatever it sends: the same for every attack. */

/** Memory that one hostile connection may hold beyond what an idle one does. */
export const MAX_ATTACK_BYTES = 16 << 20;

/**
 * Steps (see work-counter.ts) for each byte received. The worst attack, PINGs of one byte and holes of one byte, costs 22;
 * costs that grow with what came before pass it.
 */
export const MAX_STEPS_PER_BYTE = 32;
