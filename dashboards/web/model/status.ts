/** What the strip shows of /api/v1/status. Fields that are missing or of another type have the values of nothing known. */
export interface ShownStatus {
  readonly now: number;
  readonly clockSource: string;
  readonly clockErrorUs: number;
  readonly ringShare: number;
  readonly refused: number;
  readonly commitMs: number;
  readonly samples: number;
  readonly lost: number;
  readonly blockBytes: number;
  readonly sources: readonly ShownSource[];
  readonly problems: readonly { readonly time: number; readonly text: string }[];
}

export interface ShownSource {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly problem: string;
  readonly rate: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Undefined where the text is no JSON object. */
export function parseStatus(json: string): ShownStatus | undefined {
  let root: unknown;
  try {
    root = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(root)) return undefined;
  const clock = objectOf(root.clock);
  const ring = objectOf(root.ring);
  const store = objectOf(root.store);
  return {
    now: numberOf(root.now),
    clockSource: textOf(clock.source),
    clockErrorUs: numberOf(clock.errorUs),
    ringShare: numberOf(ring.used) / Math.max(1, numberOf(ring.slots)),
    refused: numberOf(ring.refused),
    commitMs: numberOf(store.commitMs),
    samples: numberOf(store.samples),
    lost: numberOf(store.lost),
    blockBytes: numberOf(store.blockBytes),
    sources: listOf(root.sources).map((source) => ({
      name: textOf(source.name),
      kind: textOf(source.kind),
      state: textOf(source.state),
      problem: textOf(source.problem),
      rate: numberOf(source.rate),
      errors: Object.values(objectOf(source.errors)).reduce((sum: number, count) => sum + numberOf(count), 0),
      dropped: numberOf(source.dropped),
    })),
    problems: listOf(root.problems).map((problem) => ({ time: numberOf(problem.time), text: textOf(problem.text) })),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
