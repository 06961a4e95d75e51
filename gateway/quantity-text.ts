const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** Below this bytes stand as they are. */
const BARE_BYTES = 1e4;

/** Bytes in decimal units that people read: `2090 B`, `934.4 kB`, `1.0 MB`, `2.3 TB`. */
export function bytesText(bytes: number): string {
  if (bytes < BARE_BYTES) return `${bytes.toFixed(0)} B`;
  let value = bytes / 1e3;
  let unit = 0;
  for (; value >= 1e3 && unit < BYTE_UNITS.length - 1; unit += 1) value /= 1e3;
  return `${value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `1 line`, `2 lines`, `0 boxes`. @param many where an s does not make it */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
