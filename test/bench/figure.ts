/** One measured number, as the issues and the README name it. */
export interface Figure {
  /** snake_case. */
  readonly name: string;
  readonly value: number;
  /** Empty for a plain ratio or count. */
  readonly unit: string;
  /** What is asked of it, where something is. */
  readonly target?: Target;
  /** What was measured, in one line. */
  readonly meaning: string;
}

export interface Target {
  readonly is: 'at most' | 'at least';
  readonly value: number;
}

/** What a bench found. */
export interface Findings {
  readonly figures: readonly Figure[];
  /** Lines for people, below the table; not part of `--json`. */
  readonly notes?: readonly string[];
}

/** Told how far a bench is; goes to stderr. */
export type Progress = (text: string) => void;

/** Throws when what is measured is not right: a figure of a wrong answer is worth nothing. */
export type Bench = (progress: Progress) => Promise<Findings>;

export function atMost(value: number): Target {
  return { is: 'at most', value };
}

export function atLeast(value: number): Target {
  return { is: 'at least', value };
}

export function isMet({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return target.is === 'at most' ? value <= target.value : value >= target.value;
}
