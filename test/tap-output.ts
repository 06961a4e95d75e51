/** One test that did not pass: its path of names, and what tap says about it. */
export interface Failure {
  readonly name: string;
  readonly details: string;
}

export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** What one test file reported. */
export interface TapResult {
  readonly passed: number;
  readonly failed: number;
  /** Every failed assertion; a failed test may have several. */
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
}

interface Point {
  readonly depth: number;
  readonly ok: boolean;
  readonly name: string;
  readonly directive: string;
  readonly reason: string;
  readonly details: string[];
}

/** A test whose end has not been read yet. */
interface OpenTest {
  readonly name: string;
  /** A test lies inside it, so it is counted by what it holds. */
  outer: boolean;
  passes: number;
  /** Tests inside it that failed. */
  fails: number;
  /** An assertion of its own failed. */
  broken: boolean;
  readonly failures: Failure[];
  readonly skips: Skip[];
}

const SUBTEST = /^( *)# Subtest: (.*)$/;
const POINT = /^( *)(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO|time=\S+)\s*(.*))?$/;
const DETAILS = /^( *)---$/;

/**
 * Reads the TAP that a test file printed (version 14 as tap writes it: four spaces a level). What counts as one test is
 * the innermost named test, or an assertion that stands in none; a test of which only skips were reported is skipped.
 */
export function readTap(output: string): TapResult {
  const stack: OpenTest[] = [openTest('')];
  let last: Point | undefined;
  let detailsIndent: string | undefined;

  const settle = (): void => {
    if (last !== undefined) closePoint(stack, last);
    last = undefined;
  };
  for (const line of output.split('\n')) {
    if (detailsIndent !== undefined) {
      if (line === `${detailsIndent}...`) detailsIndent = undefined;
      else last?.details.push(line.slice(detailsIndent.length));
      continue;
    }
    const details = last === undefined ? null : DETAILS.exec(line);
    if (details !== null) {
      detailsIndent = details[1] ?? '';
      continue;
    }
    const point = pointOf(line);
    if (point !== undefined) {
      settle();
      last = point;
      continue;
    }
    const subtest = SUBTEST.exec(line);
    if (subtest === null) continue;
    settle();
    const depth = (subtest[1] ?? '').length / 4;
    stack.length = Math.min(stack.length, depth + 1);
    const parent = stack.at(-1);
    if (parent !== undefined) parent.outer = true;
    stack.push(openTest(subtest[2] ?? ''));
  }
  settle();
  while (stack.length > 1) closeUnfinished(stack);
  const root = stack[0] ?? openTest('');
  return { passed: root.passes, failed: root.fails, failures: root.failures, skips: root.skips };
}

function openTest(name: string): OpenTest {
  return { name, outer: false, passes: 0, fails: 0, broken: false, failures: [], skips: [] };
}

function pointOf(line: string): Point | undefined {
  const match = POINT.exec(line);
  if (match === null) return undefined;
  const [, indent = '', not, name = '', directive = '', reason = ''] = match;
  if (indent.length % 4 !== 0) return undefined;
  return { depth: indent.length / 4, ok: not === undefined, name, directive, reason, details: [] };
}

function closePoint(stack: OpenTest[], point: Point): void {
  const ok = point.ok || point.directive === 'TODO';
  if (point.depth < stack.length - 1) {
    while (stack.length - 1 > point.depth + 1) closeUnfinished(stack);
    closeTest(stack, ok, point.details);
    return;
  }
  const test = stack.at(-1);
  if (test === undefined) return;
  if (point.directive === 'SKIP') test.skips.push({ name: point.name, reason: point.reason || point.name });
  else if (ok) test.passes++;
  else {
    test.failures.push({ name: point.name, details: point.details.join('\n') });
    test.broken = true;
    if (stack.length === 1) test.fails++;
  }
}

/** Counts the innermost open test in the one around it. */
function closeTest(stack: OpenTest[], ok: boolean, details: readonly string[]): void {
  const test = stack.pop();
  const parent = stack.at(-1);
  if (test === undefined || parent === undefined) return;
  const within = (name: string) => (name === '' ? test.name : `${test.name} > ${name}`);
  for (const failure of test.failures) parent.failures.push({ ...failure, name: within(failure.name) });
  const broken = test.broken || (!ok && test.failures.length === 0);
  parent.fails += test.fails + (broken ? 1 : 0);
  if (!ok && test.failures.length === 0) parent.failures.push({ name: test.name, details: details.join('\n') });
  for (const skip of test.skips) {
    parent.skips.push({ reason: skip.reason, name: skip.name === skip.reason ? test.name : within(skip.name) });
  }
  if (test.outer) parent.passes += test.passes;
  else if (ok && (test.passes > 0 || test.skips.length === 0)) parent.passes++;
}

/** The file ended, or its output jumped out, before the test said how it went. */
function closeUnfinished(stack: OpenTest[]): void {
  closeTest(stack, false, ['the test file ended before this test did']);
}
