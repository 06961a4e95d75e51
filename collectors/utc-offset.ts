/** What a config may say of an offset from UTC: schema keywords of a string. */
export const UTC_OFFSET = {
  pattern: '^[+-](0[0-9]|1[0-4]):[0-5][0-9]$',
  'x-pattern': 'hours and minutes such as +08:00',
  examples: ['+08:00'],
};

/** Microseconds that local time with an offset such as `+02:00` is ahead of UTC. */
export function offsetUs(text: string): number {
  const [hours = 0, minutes = 0] = text.slice(1).split(':').map(Number);
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60e6;
}
