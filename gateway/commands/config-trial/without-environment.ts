import process from 'node:process';

/** A text for others, without the values of the environment that a config refers to. */
export function withoutEnvironment(text: string, config: string): string {
  let shown = text;
  for (const [reference, name = ''] of config.matchAll(/\$\{([^}]*)\}/g)) {
    const value = process.env[name];
    if (value !== undefined && value !== '') shown = shown.replaceAll(value, reference);
  }
  return shown;
}
