import { CommanderError } from 'commander';
import { CaissonError, messageOf } from '../errors.ts';

/** What a command ends with: 0 done, 1 failed, 2 used wrongly. */
export type ExitCode = 0 | 1 | 2;

/** What is printed, and what the process ends with, when a command threw. */
export interface Outcome {
  readonly exitCode: ExitCode;
  /** For stderr; empty where all is said. */
  readonly text: string;
}

export function outcomeOf(thrown: unknown): Outcome {
  if (thrown instanceof CommanderError) return { exitCode: thrown.exitCode === 0 ? 0 : 2, text: '' };
  if (thrown instanceof CaissonError) {
    const hint = thrown.hint === undefined ? '' : `hint: ${thrown.hint}\n`;
    return { exitCode: thrown.code === 'config-unreadable' ? 2 : 1, text: `caisson: ${thrown.message}\n${hint}` };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { exitCode: 1, text: `caisson: this is a defect of Caisson: ${stack ?? messageOf(thrown)}\n` };
}
