import type { ByteReader, ByteWriter } from './bytes.ts';
import type { EnvelopeNode } from './envelope-node.ts';

/**
 * The values of envelope nodes in few bytes. Most sensors send decimals: what a node tells is then integers over a power of
 * ten, near to each other. What float64 arithmetic left between a number and its decimal is told in steps from one float64
 * to the next, of which a sum has some and a product one.
 */

/** The numbers of a node. Its count is known. */
export type NodeNumbers = Pick<EnvelopeNode, 'count' | 'min' | 'max' | 'first' | 'last' | 'sum'>;

/** Bits 0 to 3 of a form: by which power of ten the integers are divided, or what the numbers stand as. */
const FORM_BITS = 0x0f;
const DECIMALS_MAX = 9;
const FLOAT32 = 10;
const FLOAT64 = 11;

/** Bits of a form with integers: steps follow, of all but the sum, of the sum; the sum stands as float64. */
const HAS_STEPS = 0x10;
const HAS_SUM_STEPS = 0x20;
const SUM_AS_FLOAT = 0x40;
const FORM_MAX = 0x7f;

/** Integers stay below, and sums of them. */
const INTEGER_LIMIT = 2 ** 40;
const SUM_LIMIT = 2 ** 52;

/** More steps than arithmetic leaves: the number is no decimal. */
const STEPS_MAX = 4096;

const VALUES = ['min', 'max', 'first', 'last'] as const;

/** Index of the sum, which stands behind these. */
const SUM = VALUES.length;

const UNITS = Array.from({ length: DECIMALS_MAX + 1 }, (_, decimals) => 10 ** decimals);
const NONE = new Float64Array(0);

/** A node as it is written: numbers of `form`, and steps that lead from the decimals to the values. */
interface Written {
  readonly form: number;
  readonly node: NodeNumbers;
  /** Of min, max, first, last and sum; none where they stand as floats. */
  readonly integers: readonly number[];
  readonly steps: readonly number[];
}

/** Writes the numbers of nodes, a column a field. */
export function writeNumbers(out: ByteWriter, nodes: readonly NodeNumbers[]): void {
  const all = nodes.map(writtenOf);
  for (const { form } of all) out.u8(form);
  for (const [field, name] of VALUES.entries()) {
    for (const { form, node, integers } of all) {
      const float = form & FORM_BITS;
      if (float === FLOAT32) out.bytes(new Uint8Array(Float32Array.of(node[name]).buffer));
      else if (float === FLOAT64) out.f64(node[name]);
      else out.signed((integers[field] ?? 0) - (field === 0 ? 0 : (integers[0] ?? 0)));
    }
  }
  for (const { form, node, integers } of all) {
    if (hasFloatSum(form)) out.f64(node.sum);
    else out.signed((integers[SUM] ?? 0) - middleOf(node.count, integers[0] ?? 0, integers[1] ?? 0));
  }
  for (const field of VALUES.keys()) {
    for (const { form, steps } of all) if (form & HAS_STEPS) out.signed(steps[field] ?? 0);
  }
  for (const { form, steps } of all) if (form & HAS_SUM_STEPS) out.signed(steps[SUM] ?? 0);
}

/**
 * Reads the numbers of nodes with these counts. Fails by clause 1 for a form that no writer makes.
 * @returns columns: min, max, first, last and sum of every node
 */
export function readNumbers(input: ByteReader, counts: readonly number[]): readonly Float64Array[] {
  const nodes = counts.length;
  const forms = input.take(nodes);
  const columns = Array.from({ length: SUM + 1 }, () => new Float64Array(nodes));
  const [mins = NONE, maxs = NONE] = columns;
  for (let i = 0; i < nodes; i += 1) {
    const form = forms[i] ?? 0;
    if (form > FORM_MAX || (form & FORM_BITS) > FLOAT64) input.fail('1', `numbers of form 0x${form.toString(16)}`);
  }
  for (let field = 0; field < SUM; field += 1) {
    const column = columns[field] ?? NONE;
    for (let i = 0; i < nodes; i += 1) {
      const float = (forms[i] ?? 0) & FORM_BITS;
      if (float === FLOAT32) column[i] = readFloat32(input);
      else if (float === FLOAT64) column[i] = input.f64();
      else column[i] = input.signed() + (field === 0 ? 0 : (mins[i] ?? 0));
    }
  }
  const sums = columns[SUM] ?? NONE;
  for (let i = 0; i < nodes; i += 1) {
    if (hasFloatSum(forms[i] ?? 0)) sums[i] = input.f64();
    else sums[i] = input.signed() + middleOf(counts[i] ?? 0, mins[i] ?? 0, maxs[i] ?? 0);
  }
  for (let field = 0; field <= SUM; field += 1) {
    const column = columns[field] ?? NONE;
    for (let i = 0; i < nodes; i += 1) {
      const form = forms[i] ?? 0;
      if ((form & FORM_BITS) > DECIMALS_MAX || (field === SUM && form & SUM_AS_FLOAT)) continue;
      const decimal = (column[i] ?? 0) / (UNITS[form & FORM_BITS] ?? 1);
      column[i] = form & (field === SUM ? HAS_SUM_STEPS : HAS_STEPS) ? stepped(decimal, input.signed()) : decimal;
    }
  }
  return columns;
}

function writtenOf(node: NodeNumbers): Written {
  for (let decimals = 0; decimals <= DECIMALS_MAX; decimals += 1) {
    const written = asDecimals(node, decimals);
    if (written !== undefined) return written;
  }
  const isFloat32 = VALUES.every((name) => Object.is(Math.fround(node[name]), node[name]));
  return { form: isFloat32 ? FLOAT32 : FLOAT64, node, integers: [], steps: [] };
}

function asDecimals(node: NodeNumbers, decimals: number): Written | undefined {
  const unit = UNITS[decimals] ?? 1;
  const integers: number[] = [];
  const steps: number[] = [];
  for (const name of VALUES) {
    const integer = Math.round(node[name] * unit) + 0;
    if (!(Math.abs(integer) < INTEGER_LIMIT)) return undefined;
    const between = stepsBetween(integer / unit, node[name]);
    if (Math.abs(between) > STEPS_MAX) return undefined;
    integers.push(integer);
    steps.push(between);
  }
  const middle = middleOf(node.count, integers[0] ?? 0, integers[1] ?? 0);
  if (Math.abs(middle) >= SUM_LIMIT) return undefined;
  const sum = Math.round(node.sum * unit) + 0;
  const between = Math.abs(sum) < SUM_LIMIT ? stepsBetween(sum / unit, node.sum) : Number.POSITIVE_INFINITY;
  integers.push(sum);
  steps.push(between);
  const ofValues = steps.slice(0, SUM).some((step) => step !== 0) ? HAS_STEPS : 0;
  const ofSum = Math.abs(between) > STEPS_MAX ? SUM_AS_FLOAT : between === 0 ? 0 : HAS_SUM_STEPS;
  return { form: decimals | ofValues | ofSum, node, integers, steps };
}

function hasFloatSum(form: number): boolean {
  return (form & FORM_BITS) > DECIMALS_MAX || (form & SUM_AS_FLOAT) !== 0;
}

/** What a sum is near to: as if all numbers lay half-way between the least and the greatest. */
function middleOf(count: number, min: number, max: number): number {
  return Math.round((count * (min + max)) / 2) + 0;
}

const floats = new Float64Array(2);
const words = new Uint32Array(floats.buffer);

/** How many float64 on from `from` stands `to`; beyond any that is near where they are not. */
function stepsBetween(from: number, to: number): number {
  floats[0] = from;
  floats[1] = to;
  return ((words[3] ?? 0) - (words[1] ?? 0)) * 2 ** 32 + ((words[2] ?? 0) - (words[0] ?? 0));
}

/** The float64 that stands so many on. */
function stepped(from: number, steps: number): number {
  floats[0] = from;
  const low = (words[0] ?? 0) + steps;
  words[0] = low;
  words[1] = (words[1] ?? 0) + Math.floor(low / 2 ** 32);
  return floats[0] ?? 0;
}

const single = new Float32Array(1);
const singleBytes = new Uint8Array(single.buffer);

function readFloat32(input: ByteReader): number {
  singleBytes.set(input.take(4));
  return single[0] ?? 0;
}
