import { type CharSet, type Node, PatternError, parsePattern } from './parse-pattern.ts';

/** Steps of a compiled pattern. Counts are written out, so that `(\d{200}){200}` is refused. */
export const STEPS_MAX = 2000;

type Step =
  | { readonly op: 'set'; readonly has: CharSet }
  | { readonly op: 'start' }
  | { readonly op: 'end' }
  | { readonly op: 'match' }
  /** Goes on at `first`, and at `second` where that does not match. */
  | { readonly op: 'fork'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'mark'; readonly slot: number };

/**
 * A regular expression that is matched in time linear in the length of the line, whatever the line and the pattern: by
 * backtracking that never looks at a step twice at one place. It matches what JavaScript's own would, where that has an end.
 */
export class Pattern {
  /** Named groups, in the order of their opening. */
  readonly names: readonly string[];
  readonly #steps: Step[] = [];
  readonly #names: string[] = [];
  #slots = 0;
  /** Steps that failed at a place, a bit each. */
  #visited = new Uint32Array(0);

  /** @throws PatternError */
  constructor(text: string) {
    this.#compile(parsePattern(text));
    this.#emit({ op: 'match' });
    this.names = this.#names;
    if (new Set(this.#names).size < this.#names.length) throw new PatternError('two groups have one name');
  }

  /** What the named groups took, in the order of {@link Pattern.names}; undefined where the line does not match. */
  match(line: string): (string | undefined)[] | undefined {
    const places = line.length + 1;
    const words = Math.ceil((this.#steps.length * places) / 32);
    if (this.#visited.length < words) this.#visited = new Uint32Array(words);
    else this.#visited.fill(0, 0, words);
    for (let from = 0; from < places; from += 1) {
      const slots = this.#run(line, from, places);
      if (slots === undefined) continue;
      return this.#names.map((_, index) => {
        const [start = -1, end = -1] = [slots[2 * index], slots[2 * index + 1]];
        return start < 0 || end < 0 ? undefined : line.slice(start, end);
      });
    }
    return undefined;
  }

  #run(line: string, from: number, places: number): Int32Array | undefined {
    const slots = new Int32Array(this.#slots).fill(-1);
    // What is left to try: a step and its place, or a slot (negated) and what to put back there.
    const stack = [0, from];
    while (stack.length > 0) {
      let at = stack.pop() ?? 0;
      let step = stack.pop() ?? 0;
      if (step < 0) {
        slots[-step - 1] = at;
        continue;
      }
      for (;;) {
        const bit = step * places + at;
        const mask = 1 << (bit & 31);
        const seen = this.#visited[bit >> 5] ?? 0;
        if ((seen & mask) !== 0) break;
        this.#visited[bit >> 5] = seen | mask;
        const one = this.#steps[step];
        if (one === undefined) break;
        if (one.op === 'match') return slots;
        if (one.op === 'set') {
          if (at === line.length || !one.has(line.charCodeAt(at))) break;
          at += 1;
        } else if (one.op === 'start') {
          if (at !== 0) break;
        } else if (one.op === 'end') {
          if (at !== line.length) break;
        } else if (one.op === 'fork') {
          stack.push(one.second, at);
          step = one.first;
          continue;
        } else if (one.op === 'jump') {
          step = one.to;
          continue;
        } else {
          put(slots, one.slot, at, stack);
        }
        step += 1;
      }
    }
    return undefined;
  }

  #emit(step: Step): number {
    if (this.#steps.length === STEPS_MAX) throw new PatternError(`the pattern has more than ${STEPS_MAX} steps`);
    return this.#steps.push(step) - 1;
  }

  #compile(node: Node): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'set':
        this.#emit({ op: 'set', has: node.has });
        return;
      case 'start':
      case 'end':
        this.#emit({ op: node.kind });
        return;
      case 'sequence':
        for (const part of node.parts) this.#compile(part);
        return;
      case 'either':
        this.#either(node.options);
        return;
      case 'group':
        this.#group(node.name, node.of);
        return;
      case 'repeat':
        this.#repeat(node);
        return;
    }
  }

  #either(options: readonly Node[]): void {
    const jumps: { to: number }[] = [];
    for (const [index, option] of options.entries()) {
      const isLast = index === options.length - 1;
      const fork = { op: 'fork' as const, first: 0, second: 0 };
      if (!isLast) fork.first = this.#emit(fork) + 1;
      this.#compile(option);
      if (isLast) break;
      const jump = { op: 'jump' as const, to: 0 };
      fork.second = this.#emit(jump) + 1;
      jumps.push(jump);
    }
    for (const jump of jumps) jump.to = this.#steps.length;
  }

  #group(name: string | undefined, of: Node): void {
    if (name === undefined) {
      this.#compile(of);
      return;
    }
    this.#names.push(name);
    const slot = 2 * (this.#names.length - 1);
    this.#slots = Math.max(this.#slots, slot + 2);
    this.#emit({ op: 'mark', slot });
    this.#compile(of);
    this.#emit({ op: 'mark', slot: slot + 1 });
  }

  #repeat({ of, least, most, isLazy }: Extract<Node, { kind: 'repeat' }>): void {
    if (most > 1 && hasNamedGroup(of))
      throw new PatternError('a named group may not be repeated: it has one value a line');
    // What JavaScript makes of these depends on how a place was reached, not on the place alone.
    if (mayBeEmpty(of)) throw new PatternError('what is repeated may be empty, as in (?:a*)+');
    for (let count = 0; count < least; count += 1) this.#compile(of);
    if (most === Number.POSITIVE_INFINITY) {
      const fork = { op: 'fork' as const, first: 0, second: 0 };
      const loop = this.#emit(fork);
      this.#compile(of);
      this.#emit({ op: 'jump', to: loop });
      setFork(fork, loop + 1, this.#steps.length, isLazy);
      return;
    }
    const forks: { fork: Extract<Step, { op: 'fork' }>; body: number }[] = [];
    for (let count = least; count < most; count += 1) {
      const fork = { op: 'fork' as const, first: 0, second: 0 };
      forks.push({ fork, body: this.#emit(fork) + 1 });
      this.#compile(of);
    }
    for (const { fork, body } of forks) setFork(fork, body, this.#steps.length, isLazy);
  }
}

function setFork(fork: { first: number; second: number }, body: number, behind: number, isLazy: boolean): void {
  fork.first = isLazy ? behind : body;
  fork.second = isLazy ? body : behind;
}

/** True where a node matches without taking a character. */
function mayBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.parts.every(mayBeEmpty);
    case 'either':
      return node.options.some(mayBeEmpty);
    case 'repeat':
      return node.least === 0 || mayBeEmpty(node.of);
    case 'group':
      return mayBeEmpty(node.of);
    default:
      return true;
  }
}

function hasNamedGroup(node: Node): boolean {
  switch (node.kind) {
    case 'group':
      return node.name !== undefined || hasNamedGroup(node.of);
    case 'repeat':
      return hasNamedGroup(node.of);
    case 'sequence':
      return node.parts.some(hasNamedGroup);
    case 'either':
      return node.options.some(hasNamedGroup);
    default:
      return false;
  }
}

/** Sets a slot, to be put back when what follows does not match. */
function put(slots: Int32Array, slot: number, value: number, stack: number[]): void {
  stack.push(-slot - 1, slots[slot] ?? -1);
  slots[slot] = value;
}
