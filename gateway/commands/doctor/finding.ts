/** How bad it is: samples do not come; they may stop coming or are in doubt; worth knowing, and nothing is wrong. */
export const SEVERITIES = ['broken', 'risk', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What mends it: a line of the config, a command, or what only hands can do. */
export type Mend =
  | {
      /** Keys from the top of the config to what is to be changed. */
      readonly path: readonly (string | number)[];
      /** The line as it should stand. */
      readonly config: string;
    }
  | { readonly command: string }
  | { readonly byHand: string };

/** Something that was found. Everything in it is for people; `code` is for programs. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  /** What it is about: `source gnss`, `disk`. */
  readonly about: string;
  readonly seen: string;
  readonly means: string;
  readonly mend: Mend;
}

/** Something that was looked at and is well. */
export interface Sound {
  readonly about: string;
  readonly seen: string;
}

/** What looking at one thing gave. */
export interface Examined {
  readonly findings: readonly Finding[];
  readonly sound: readonly Sound[];
}

export const NOTHING_SEEN: Examined = { findings: [], sound: [] };

/** Of something that is well. */
export function well(about: string, seen: string): Examined {
  return { findings: [], sound: [{ about, seen }] };
}

/** Of something that is not. */
export function found(...findings: readonly Finding[]): Examined {
  return { findings, sound: [] };
}

/** All of it as one, the worst first. */
export function together(parts: readonly Examined[]): Examined {
  const findings = parts.flatMap((part) => part.findings);
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity);
  return { findings: findings.sort((a, b) => rank(a) - rank(b)), sound: parts.flatMap((part) => part.sound) };
}

/** True where nothing is wrong. */
export function isSound({ findings }: Examined): boolean {
  return findings.every(({ severity }) => severity === 'note');
}

/** Line of a config at which a path stands; undefined where there is no file. */
export type LineOf = (path: readonly (string | number)[]) => number | undefined;

/** What mends it, as one line. @param file name of the config */
export function mendText(mend: Mend, file: string, lineOf: LineOf): string {
  if ('command' in mend) return `$ ${mend.command}`;
  if ('byHand' in mend) return mend.byHand;
  const line = lineOf(mend.path);
  return `${file}${line === undefined ? '' : `:${line}`}  ${mend.config}`;
}

/** What was found for people to read: findings numbered, the worst first, and below them what is well. */
export function examinedText(title: string, examined: Examined, file: string, lineOf: LineOf): string {
  const { findings, sound } = examined;
  const wrong = findings.filter(({ severity }) => severity !== 'note').length;
  const notes = findings.length - wrong;
  const lines = [
    `${title}: ${wrong === 0 ? 'nothing is wrong' : `${wrong} found wrong`}${notes === 0 ? '' : `, ${notes} to note`}`,
  ];
  for (const [index, { severity, about, seen, means, mend }] of findings.entries()) {
    lines.push('', `${index + 1}. ${severity}: ${about}`);
    lines.push(`   seen   ${seen}`, `   means  ${means}`, `   mend   ${mendText(mend, file, lineOf)}`);
  }
  if (sound.length > 0) lines.push('');
  for (const { about, seen } of sound) lines.push(`well: ${about}: ${seen}`);
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function examinedJson(examined: Examined, lineOf: LineOf): object {
  return {
    ok: isSound(examined),
    findings: examined.findings.map((finding, index) => {
      const { mend } = finding;
      const line = 'config' in mend ? lineOf(mend.path) : undefined;
      const placed = 'config' in mend ? { key: mend.path.join('.'), config: mend.config } : mend;
      return { rank: index + 1, ...finding, mend: { ...placed, ...(line !== undefined && { line }) } };
    }),
    sound: examined.sound,
  };
}
