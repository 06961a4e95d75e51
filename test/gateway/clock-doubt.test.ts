import t from 'tap';
import { type ClockReading, type ClockSource, UtcMap } from '../../gateway/clock.ts';
import { ClockKeeper, firstReading, type SystemClock, UNKEPT_CLOCK } from '../../gateway/clock-keeper.ts';

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 22, 12) * 1e3;
const IN_2020 = Date.UTC(2020, 6, 11, 22, 37, 45) * 1e3;
const NTP: SystemClock = { source: 'ntp', errorUs: 50_000 };
const GNSS = { source: 'gnss', error: 253_500 } as const;

/** UTC that a clock shows, `passed` after the start, microseconds; undefined: it says nothing then. */
type Shows = (passed: number) => number | undefined;

/** Shows the right time, and `ahead` of it. */
const right: (ahead?: number) => Shows =
  (ahead = 0) =>
  (passed) =>
    NOON + ahead + passed;

/** A recording of `length` that is played again and again. */
const looped: (begin: number, length: number) => Shows = (begin, length) => (passed) => begin + (passed % length);

/** A box that hears several clocks. Right is what began at {@link NOON}. */
class Box {
  readonly said: string[] = [];
  readonly rows: ClockReading[];
  readonly keeper: ClockKeeper;
  #passed = 0;

  /** @param wall what the system's clock shows at the start, UTC, microseconds */
  constructor(wall = NOON) {
    const first = firstReading(wall, NOON, 0, UNKEPT_CLOCK);
    this.rows = [first];
    this.keeper = new ClockKeeper(first, { row: (row) => this.rows.push(row), said: (text) => this.said.push(text) });
  }

  /** Time passes: the system's clock is looked at each second, each source tells UTC every ten. */
  pass(
    us: number,
    sources: Readonly<Record<string, Shows>>,
    wall: Shows = right(),
    system: SystemClock = UNKEPT_CLOCK,
  ): void {
    for (const end = this.#passed + us; this.#passed < end; this.#passed += SECOND) {
      const time = NOON + this.#passed;
      const shown = wall(this.#passed) ?? 0;
      const clock = { now: () => time, origin: { time: NOON, monotonic: 0 } };
      this.keeper.observeSystem(clock, () => shown, system);
      if (this.#passed % (10 * SECOND) !== 0) continue;
      for (const [name, shows] of Object.entries(sources)) {
        const utc = shows(this.#passed);
        if (utc !== undefined) this.keeper.observe({ ...GNSS, time, offset: utc - time }, name);
      }
    }
  }

  /** A source tells UTC now, rightly. */
  observe({ source, error }: Pick<ClockReading, 'source' | 'error'>, name: string): void {
    this.keeper.observe({ source, error, time: NOON + this.#passed, offset: 0 }, name);
  }

  /** What is told of the start, and of now, less what is right, microseconds. */
  get wrong(): { start: number; now: number } {
    const map = new UtcMap(this.rows);
    return { start: map.offsetAt(NOON), now: map.offsetAt(NOON + this.#passed) };
  }

  /** Who is not believed, and why. */
  get doubts(): string[] {
    return this.keeper.doubted.map(({ teller, why }) => `${teller} ${why}`);
  }
}

const near = (us: number) => Math.abs(us) <= 2 * SECOND;

const CASES: readonly {
  readonly name: string;
  readonly sources: Readonly<Record<string, Shows>>;
  readonly wall?: Shows;
  readonly system?: SystemClock;
  readonly source: ClockSource;
  readonly teller?: string;
  /** What is told of now, less what is right, microseconds; 0 if not said. */
  readonly wrong?: number;
  readonly doubts: readonly RegExp[];
}[] = [
  {
    name: 'a recording of 2020 that begins anew each minute, against a clock of the board',
    sources: { gnss: looped(IN_2020, 61 * SECOND) },
    source: 'rtc',
    doubts: [/^gnss shows 2020-07-11T.*Z, 2325 d behind the system's clock; .*timedatectl set-time/],
  },
  {
    name: 'the same, against a clock that is in step',
    sources: { gnss: looped(IN_2020, 61 * SECOND) },
    system: NTP,
    source: 'ntp',
    doubts: [/^gnss shows 2020-.* behind the system's clock, which a time daemon has in step/],
  },
  {
    name: 'two recordings of two years, of two lengths, against a clock of the board',
    sources: { gnss: looped(IN_2020, 61 * SECOND), zed: looped(IN_2020 + 400 * DAY, 500 * SECOND) },
    source: 'rtc',
    doubts: [/^gnss /, /^zed /],
  },
  {
    name: 'a recording beside a receiver that is right',
    sources: { replayed: looped(IN_2020, 61 * SECOND), gnss: right(300_000) },
    source: 'gnss',
    teller: 'gnss',
    doubts: [/^replayed shows 2020-/],
  },
  {
    name: 'a receiver years ahead of a clock that is in step',
    sources: { gnss: right(1024 * 7 * DAY) },
    system: NTP,
    source: 'ntp',
    doubts: [/^gnss shows 2046-.* 7168 d ahead of the system's clock/],
  },
  {
    name: 'a receiver whose week number began anew',
    sources: { gnss: right(-1024 * 7 * DAY) },
    wall: () => 5 * SECOND,
    source: 'none',
    wrong: Number.NaN,
    doubts: [/^gnss shows 2007-04-08T.*week number began anew after 1024 weeks/],
  },
  {
    name: 'a receiver before it knows the date',
    sources: { gnss: looped(Date.UTC(1980, 0, 6) * 1e3, DAY) },
    source: 'rtc',
    doubts: [/^gnss shows 1980-01-06T.*has not found the date/],
  },
  {
    name: 'a receiver that tells 2000 first, and then finds the date',
    sources: { gnss: (passed) => (passed < 90 * SECOND ? Date.UTC(2000, 0) * 1e3 + passed : NOON + passed) },
    source: 'gnss',
    teller: 'gnss',
    doubts: [],
  },
  {
    name: 'a clock of the board years behind a receiver',
    sources: { gnss: right() },
    wall: right(-4 * 365 * DAY),
    source: 'gnss',
    teller: 'gnss',
    doubts: [],
  },
  {
    name: 'a clock of the board years ahead of two receivers that agree',
    sources: { one: right(), other: right(400_000) },
    wall: right(4 * 365 * DAY),
    source: 'gnss',
    teller: 'other',
    doubts: [],
  },
  {
    name: 'a receiver that does not know of the leap second yet',
    sources: { gnss: (passed) => NOON + passed + (passed < 300 * SECOND ? SECOND : 0) },
    source: 'gnss',
    teller: 'gnss',
    doubts: [],
  },
];

for (const { name, sources, wall, system, source, teller, wrong = 0, doubts } of CASES) {
  t.test(`who is believed: ${name}`, async (t) => {
    const box = new Box(wall?.(0));
    box.pass(20 * MINUTE, sources, wall, system);
    t.match({ source: box.keeper.source, teller: box.keeper.teller }, { source, teller });
    if (!Number.isNaN(wrong)) {
      t.ok(near(box.wrong.start - wrong) && near(box.wrong.now - wrong), `${JSON.stringify(box.wrong)}`);
    }
    t.equal(box.doubts.length, doubts.length, box.doubts.join('\n'));
    for (const [at, doubt] of doubts.entries()) t.match(box.doubts[at], doubt);
  });
}

t.test('what is shown of the present only goes on, whatever a looped recording tells', async (t) => {
  const box = new Box(5 * SECOND);
  const rows: number[] = [];
  const wall = (passed: number) => 5 * SECOND + passed;
  for (let minute = 0; minute < 30; minute += 1) {
    box.pass(MINUTE, { gnss: looped(IN_2020, 61 * SECOND) }, wall);
    rows.push(box.wrong.now);
  }
  t.same(new Set(rows).size, 1, 'it has one offset all the time: nothing else is known');
  t.match(box.doubts, [/^gnss jumped \d+ times, at last back by 6\d s; it must go on steadily for another \d+ min/]);
  t.equal(box.said.length, 1, 'that is said once');
  box.pass(5 * SECOND, { gnss: looped(IN_2020, 61 * SECOND) }, right(), NTP);
  t.ok(near(box.wrong.now) && near(box.wrong.start), 'a clock that is in step disowns it at once, the past with it');
});

t.test('a receiver that finds its mistake is believed when its new story has outlasted the old one', async (t) => {
  const box = new Box(5 * SECOND);
  const corrected: Shows = (passed) => NOON + passed + (passed < HOUR ? 18 * SECOND : 0);
  const wall = (passed: number) => 5 * SECOND + passed;
  box.pass(HOUR, { gnss: corrected }, wall);
  t.ok(near(box.wrong.now - 18 * SECOND));
  box.pass(HOUR - MINUTE, { gnss: corrected }, wall);
  t.match(box.doubts, [/^gnss jumped back by 18 s; it must go on steadily/]);
  t.ok(near(box.wrong.now - 18 * SECOND), 'UTC goes on meanwhile');
  box.pass(2 * MINUTE, { gnss: corrected }, wall);
  t.same(box.doubts, []);
  t.ok(near(box.wrong.now) && near(box.wrong.start), 'the past is right as well');
  t.match(box.said.at(-1), 'the clock of source gnss is believed again');
});

t.test('a receiver takes over from another that is gone, also where that was wrong', async (t) => {
  const box = new Box(5 * SECOND);
  const wall = (passed: number) => 5 * SECOND + passed;
  box.pass(MINUTE, { replayed: right(-3 * 365 * DAY) }, wall);
  box.pass(9 * MINUTE, { gnss: right() }, wall);
  t.match(box.doubts, [/^gnss shows 2026-.* 1095 d ahead of source replayed, by which UTC is told/]);
  box.pass(3 * MINUTE, { gnss: right() }, wall);
  t.equal(box.keeper.teller, 'gnss');
  t.ok(near(box.wrong.now) && near(box.wrong.start));
});

t.test(
  'a receiver that is lost gives way to the network once that is closer, and takes over when it is back',
  async (t) => {
    const box = new Box();
    box.pass(MINUTE, { gnss: right() });
    box.pass(9 * MINUTE, {}, right(20_000), NTP);
    t.equal(box.keeper.source, 'ntp', 'the bound of its fix is wider');
    const far: SystemClock = { source: 'ntp', errorUs: 300_000 };
    const exact = { ...GNSS, error: 30 };
    box.observe(exact, 'gnss');
    t.equal(box.keeper.source, 'gnss');
    box.pass(9 * MINUTE, {}, right(20_000), NTP);
    t.equal(box.keeper.source, 'gnss', 'silent for some minutes only');
    box.pass(1.5 * HOUR, {}, right(20_000), far);
    t.equal(box.keeper.source, 'gnss', '100 ppm of an hour and a half are 540 ms, not twice 300 ms');
    box.pass(HOUR, {}, right(20_000), far);
    t.equal(box.keeper.source, 'ntp');
    t.match(box.wrong, { now: 20_000, start: 0 }, 'what was taken in before is read as before');
    box.observe(exact, 'gnss');
    t.equal(box.keeper.source, 'gnss');
    box.pass(HOUR, {}, right(20_000), far);
    t.match(box.wrong, { now: 0, start: 0 }, 'UTC is slewed back');
    t.ok(box.rows.length < 20, `${box.rows.length} rows`);
  },
);

t.test('the system clock that is set wrong by hand does not take over from a receiver', async (t) => {
  const box = new Box();
  box.pass(MINUTE, { gnss: right() });
  box.pass(5 * MINUTE, { gnss: right() }, right(400 * DAY));
  t.equal(box.keeper.teller, 'gnss');
  t.ok(near(box.wrong.now) && near(box.wrong.start));
});

t.test('of a source that is gone nothing is told', async (t) => {
  const box = new Box();
  box.pass(MINUTE, { gnss: looped(IN_2020, 61 * SECOND) });
  t.equal(box.doubts.length, 1);
  box.pass(2 * MINUTE, {});
  t.same(box.doubts, []);
});
