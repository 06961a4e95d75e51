/** RaceChrono Pro CSV of rows that are given as text. */
export function raceChrono(rows: readonly string[], eol = '\r\n'): string {
  const header = [
    'This file is created using RaceChrono Pro v9.1.3 ( http://racechrono.com/ ).',
    'Format,3',
    'Session title,"Home, sweet home"',
    'Created,31/12/2025,02:54',
    'Note,"a note of',
    'two lines"',
    '',
    'timestamp,lap_number,speed,latitude,speed,x_acc,speed,tyre',
    'unix time,,m/s,deg,m/s,G,m/s,',
    ',,100: gps,100: gps,calc,101: acc,102: gps,200: obd',
  ];
  return [...header, ...rows, ''].join(eol);
}

/** AiM RaceStudio 3 CSV of rows that are given as cells. */
export function aim(rows: readonly (readonly string[])[], facts: Readonly<Record<string, string>> = {}): string {
  const about = { Date: 'Sunday, January 25, 2026', Time: '1:57 PM', 'Sample Rate': '20', ...facts };
  const lines = [
    ['Format', 'AiM CSV File'],
    ...Object.entries(about),
    [],
    ['Time', 'GPS Speed', 'GPS Speed', 'Oil/Water Temp', 'Mode Flag', ''],
    ['s', 'km/h', 'km/h', '°C', '#', ' '],
    [],
    ...rows,
  ];
  return lines.map((cells) => `${cells.map((cell) => `"${cell}"`).join(',')}\n`).join('');
}
