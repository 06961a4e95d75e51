/** Classes of UBX messages and the messages of them that receivers send by themselves, by number. */
const CLASSES: Readonly<Record<number, readonly [name: string, messages: Readonly<Record<number, string>>]>> = {
  1: [
    'NAV',
    {
      1: 'POSECEF',
      2: 'POSLLH',
      3: 'STATUS',
      4: 'DOP',
      5: 'ATT',
      6: 'SOL',
      7: 'PVT',
      9: 'ODO',
      17: 'VELECEF',
      18: 'VELNED',
      19: 'HPPOSECEF',
      20: 'HPPOSLLH',
      32: 'TIMEGPS',
      33: 'TIMEUTC',
      34: 'CLOCK',
      38: 'TIMELS',
      48: 'SVINFO',
      50: 'SBAS',
      53: 'SAT',
      54: 'COV',
      59: 'SVIN',
      60: 'RELPOSNED',
      67: 'SIG',
      97: 'EOE',
    },
  ],
  2: ['RXM', { 19: 'SFRBX', 20: 'MEASX', 21: 'RAWX', 50: 'RTCM', 89: 'RLM' }],
  4: ['INF', { 0: 'ERROR', 1: 'WARNING', 2: 'NOTICE', 3: 'TEST', 4: 'DEBUG' }],
  5: ['ACK', { 0: 'NAK', 1: 'ACK' }],
  10: ['MON', { 2: 'IO', 4: 'VER', 8: 'TXBUF', 9: 'HW', 11: 'HW2', 54: 'COMMS', 55: 'HW3', 56: 'RF' }],
  13: ['TIM', { 1: 'TP', 3: 'TM2', 4: 'SVIN', 6: 'VRFY' }],
  16: ['ESF', { 2: 'MEAS', 3: 'RAW', 16: 'STATUS', 20: 'ALG', 21: 'INS' }],
};

/** Name of a message as u-blox writes it, `NAV-PVT`; `01-07` where it has none here. */
export function ubxName(messageClass: number, id: number): string {
  const [name, messages] = CLASSES[messageClass] ?? [];
  const message = messages?.[id];
  if (name !== undefined) return `${name}-${message ?? hex(id)}`;
  return `${hex(messageClass)}-${hex(id)}`;
}

/** Every message that has a name here. */
export const UBX_NAMES: readonly string[] = Object.values(CLASSES).flatMap(([name, messages]) =>
  Object.values(messages).map((message) => `${name}-${message}`),
);

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
