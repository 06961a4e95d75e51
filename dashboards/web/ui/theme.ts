import { computed, effect, signal } from '@preact/signals';

/** `auto` follows what the system prefers; sunlight is chosen by hand. */
export const THEMES = ['auto', 'dark', 'light', 'sunlight'] as const;
export type Theme = (typeof THEMES)[number];

const STORED_AS = 'caisson-theme';

const prefersLight = matchMedia('(prefers-color-scheme: light)');
const systemTheme = signal<'dark' | 'light'>(prefersLight.matches ? 'light' : 'dark');

export const theme = signal<Theme>(storedTheme());

/** The theme that is shown. */
export const shownTheme = computed(() => (theme.value === 'auto' ? systemTheme.value : theme.value));

/** Applies the theme to the page from now on and keeps the choice on this machine. */
export function startTheme(): void {
  prefersLight.addEventListener('change', (event) => {
    systemTheme.value = event.matches ? 'light' : 'dark';
  });
  effect(() => {
    document.documentElement.dataset.theme = shownTheme.value;
  });
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(STORED_AS, chosen);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function storedTheme(): Theme {
  try {
    return THEMES.find((name) => name === localStorage.getItem(STORED_AS)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

/** Series colours that a theme has; a chart has the one of its place. */
export const COLOURS = 8;

/** What canvases draw with, as the style sheet says. */
export interface Palette {
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
  readonly warn: string;
  readonly alarm: string;
  readonly gap: string;
  readonly cursor: string;
  readonly cursorText: string;
  /** CSS pixels. */
  readonly lineWidth: number;
  /** Opacity of the band between min and max. */
  readonly bandAlpha: number;
  readonly font: string;
}

/** Reads the palette of the theme that is shown. */
export const palette = computed((): Palette => {
  shownTheme.value;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    series: Array.from({ length: COLOURS }, (_, i) => read(`--series-${i}`)),
    text: read('--dim'),
    grid: read('--grid'),
    warn: read('--warn'),
    alarm: read('--alarm'),
    gap: read('--gap'),
    cursor: read('--text'),
    cursorText: read('--ground'),
    lineWidth: Number(read('--line-width')),
    bandAlpha: Number(read('--band-alpha')),
    font: `${read('--axis-size')} ${read('--sans')}`,
  };
});
