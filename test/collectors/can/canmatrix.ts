import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROJECT_ROOT } from '../../data-dir.ts';

export interface OracleFrame {
  readonly id: number;
  readonly extended: boolean;
  readonly data: Uint8Array;
}

export interface OracleTask {
  /** Path of the DBC file. */
  readonly dbc: string;
  readonly frames: readonly OracleFrame[];
}

/** What canmatrix found in a frame: by signal, the raw value and the DBC's factor and offset. */
export type OracleSignals = Readonly<Record<string, { raw: number; factor: number; offset: number }>>;

/** Of each frame its signals, null for one that the file does not have; or why canmatrix cannot use the file. */
export type OracleAnswer = readonly (OracleSignals | null)[] | { readonly refused: string };

const SCRIPT = join(PROJECT_ROOT, 'test/collectors/can/canmatrix_decode.py');

type WrittenSignals = Record<string, [raw: string, factor: string, offset: string]>;

/** Decodes frames with canmatrix. */
export async function decodeWithCanmatrix(tasks: readonly OracleTask[]): Promise<OracleAnswer[]> {
  return (await askCanmatrix(tasks)).map((answer) => ('refused' in answer ? answer : answer.frames.map(signalsOf)));
}

/** Decodes frames with canmatrix; the CPU seconds that it took, without reading the file and writing the answer. */
export async function timeCanmatrix(
  task: OracleTask,
): Promise<{ readonly frames: readonly (OracleSignals | null)[]; readonly seconds: number }> {
  const [answer] = await askCanmatrix([task]);
  if (answer === undefined || 'refused' in answer) throw new Error(`canmatrix refuses ${task.dbc}: ${answer?.refused}`);
  return { frames: answer.frames.map(signalsOf), seconds: answer.seconds };
}

type WrittenAnswer =
  | { readonly refused: string }
  | { readonly frames: readonly (WrittenSignals | null)[]; readonly seconds: number };

async function askCanmatrix(tasks: readonly OracleTask[]): Promise<WrittenAnswer[]> {
  const child = spawn('/usr/bin/python3', [SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = tasks.map(({ dbc, frames }) => {
    const written = frames.map(({ id, extended, data }) => [id, extended, Buffer.from(data).toString('hex')]);
    return `${JSON.stringify({ dbc, frames: written })}\n`;
  });
  child.stdin.end(lines.join(''));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const answers = output.split('\n').filter((line) => line !== '');
  if (answers.length !== tasks.length) throw new Error(`canmatrix gave ${answers.length} answers: ${errors}`);
  return answers.map((line) => JSON.parse(line) as WrittenAnswer);
}

function signalsOf(frame: WrittenSignals | null): OracleSignals | null {
  return frame === null ? null : readSignals(frame);
}

function readSignals(written: WrittenSignals): OracleSignals {
  const entries = Object.entries(written).map(([name, [raw, factor, offset]]) => {
    return [name, { raw: readNumber(raw), factor: Number(factor), offset: Number(offset) }] as const;
  });
  return Object.fromEntries(entries);
}

/** Python writes `nan`, `inf`, and integers of any size. */
function readNumber(written: string): number {
  if (written === 'nan') return Number.NaN;
  if (written.endsWith('inf')) return written.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(written);
}
