/** Line icons of 16 by 16, drawn in the colour of the text. */
const PATHS = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M5 3l8 5-8 5z',
  close: 'M4 4l8 8M12 4l-8 8',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  caret: 'M6 4l4 4-4 4',
  list: 'M2 4h2M6 4h8M2 8h2M6 8h8M2 12h2M6 12h8',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3l2 2',
  alert: 'M8 2l6.5 11.5h-13zM8 6.5v3.5M8 12v.1',
  plus: 'M8 3v10M3 8h10',
  chart: 'M2 12l4-6 3 4 2-3 3 5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
