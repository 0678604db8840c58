/**
 * How large a stateless reset is [RST-2]: not so small that it could be told from a packet by that, and never larger than
 * what it answers. What is to be answered is larger than any reset, so that no reset answers a reset.
 */
export const SMALLEST_RESET_BYTES = 24;
export const LARGEST_RESET_BYTES = 40;
