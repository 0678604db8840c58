/**
 * Version numbers of the wire (PROTOCOL §3). A version that is not built here is known by its number only: of its
 * packets nothing but the frozen fields is read.
 */
export const ProtocolVersion = {
  /** In the place of the version: this packet is a version negotiation. */
  NEGOTIATION: 0,
  PLAINTEXT: 0x7570_0001,
  /** Keys by TLS 1.3. */
  TLS: 0x7573_0001,
} as const;

/** Whether packets of this version can be read by this code [VER-2]. */
export function isBuiltVersion(version: number): boolean {
  return version === ProtocolVersion.PLAINTEXT || version === ProtocolVersion.TLS;
}
