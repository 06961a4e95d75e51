import { type Figure, type Findings, isMet } from './figure.ts';
import type { Machine } from './machine.ts';

/** Exactly `{figures: {name: value}, machine}`, for programs. */
export function jsonReport({ figures }: Findings, machine: Machine): string {
  return `${JSON.stringify({ figures: Object.fromEntries(figures.map(({ name, value }) => [name, value])), machine }, null, 2)}\n`;
}

/** A table for people. */
export function textReport({ figures, notes = [] }: Findings, machine: Machine): string {
  const rows = figures.map((figure) => [
    figure.name,
    valueText(figure.value),
    figure.unit,
    targetText(figure),
    figure.meaning,
  ]);
  const head = ['figure', 'value', 'unit', 'target', 'meaning'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const { cpu, cores, memoryMiB, system, node, sqlite, load } = machine;
  return [
    line(head),
    ...rows.map(line),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    '',
    `${cores} x ${cpu}, ${memoryMiB} MiB, ${system}, Node ${node}, SQLite ${sqlite}, load ${load.toFixed(1)}`,
    '',
  ].join('\n');
}

function targetText(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return '';
  return `${target.is === 'at most' ? '<=' : '>='} ${valueText(target.value)}${isMet(figure) ? '' : ' MISSED'}`;
}

/** Four digits that count; thousands apart in large numbers. */
export function valueText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (digits >= 3) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(4)));
}
