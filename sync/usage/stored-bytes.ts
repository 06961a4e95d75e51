/** What is kept of one gateway now. */
export interface StoredBytes {
  readonly gateway: string;
  /** Of the packs that have their samples. */
  readonly bytes: number;
}

/** By gateway, in the order of their names. */
export function storedBytes(bytes: ReadonlyMap<string, number>): StoredBytes[] {
  return [...bytes].map(([gateway, of]) => ({ gateway, bytes: of })).sort((a, b) => (a.gateway < b.gateway ? -1 : 1));
}
