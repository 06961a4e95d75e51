/** Data of the frames of a fast packet, hex. */
export function fastFrames(bytes: Uint8Array, sequence: number): string[] {
  const hex = Buffer.from(bytes).toString('hex').toUpperCase();
  const head = (frame: number) => ((sequence << 5) | frame).toString(16).padStart(2, '0').toUpperCase();
  const size = bytes.length.toString(16).padStart(2, '0').toUpperCase();
  const frames = [`${head(0)}${size}${hex.slice(0, 12)}`];
  for (let at = 12; at < hex.length; at += 14) frames.push(head(frames.length) + hex.slice(at, at + 14));
  return frames.map((data) => data.padEnd(16, 'F'));
}

/** 29-bit identifier of a group, hex. */
export function idOf(pgn: number, source: number, destination = 255): string {
  const isToOne = ((pgn >> 8) & 0xff) < 240;
  const id = 0x0c000000 + pgn * 256 + (isToOne ? destination * 256 : 0) + source;
  return id.toString(16).padStart(8, '0').toUpperCase();
}
