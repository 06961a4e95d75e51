import { useComputed } from '@preact/signals';
import { chooseTheme, THEMES, type Theme, theme } from './theme.ts';

const THEME_NAMES: Readonly<Record<Theme, string>> = {
  auto: 'Auto',
  dark: 'Dark',
  light: 'Light',
  sunlight: 'Sunlight',
};

/** Chooses the theme. */
export function ThemeSwitch() {
  const chosen = useComputed(() => theme.value);
  return (
    <label class="theme-switch">
      <span class="unseen">Theme</span>
      <select
        value={chosen.value}
        onChange={(event) => {
          const name = THEMES.find((candidate) => candidate === event.currentTarget.value);
          if (name !== undefined) chooseTheme(name);
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {THEME_NAMES[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
