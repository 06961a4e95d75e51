import { CaissonError } from '../../gateway/errors.ts';
import { Pace } from '../../hardware/pace.ts';
import { absenceOf, type BytePort, type PortState } from '../../hardware/serial/byte-port.ts';
import { openLogPort } from '../../hardware/serial/log-port.ts';
import type { ReopeningOptions } from '../../hardware/serial/reopening-port.ts';
import { systemTimers, type Timers } from '../../hardware/serial/timers.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { type DamagedLines, DamagedRows } from './damaged-rows.ts';
import { readHeader } from './recording-file.ts';
import { FORMATS_TEXT, type RecordedRow, RecordingReader } from './recording-reader.ts';
import type { RecordingTable } from './recording-table.ts';
import { type ReplayConfig, type ReplaySettings, replaySettings } from './replay-config.ts';
import { RoundClock } from './round-clock.ts';
import { RowChannels, roomOf } from './row-channels.ts';
import { utcStartOf } from './utc-start.ts';

/** Time between two looks for room in the ring, milliseconds. */
const ROOM_INTERVAL_MS = 2;

/** A recorded table of samples as if it came in now. */
export const createReplayCollector: CollectorFactory<ReplayConfig> = (config, context) =>
  new ReplayCollector(replaySettings(config), context);

export class ReplayCollector implements Collector {
  readonly #settings: ReplaySettings;
  readonly #context: CollectorContext;
  readonly #timers: Timers;
  readonly #port: BytePort;
  readonly #counters = new CollectorCounters();
  readonly #damage = new DamagedRows();
  readonly #times = new RoundClock();
  #pace: Pace;
  #reader = new RecordingReader();
  #channels: RowChannels | undefined;
  /** The file is there and cannot be played, as no retry will change. */
  #refusal: CaissonError | undefined;
  /** UTC from which the times count, microseconds. */
  #utcStart = 0;
  #lastArrival = Number.NEGATIVE_INFINITY;
  #isWanted = false;
  /** The last row was played; the port is at its end before. */
  #isOver = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(settings: ReplaySettings, context: CollectorContext, options: ReopeningOptions = {}) {
    this.#settings = settings;
    this.#context = context;
    this.#timers = options.timers ?? systemTimers;
    this.#port = openLogPort({ path: settings.file }, options);
    this.#pace = new Pace(settings.speed, this.#timers);
  }

  /** The first rows that could not be used, by reason. */
  get damaged(): readonly DamagedLines[] {
    return this.#damage.list();
  }

  async start(): Promise<void> {
    // A file that cannot be read yet is waited for by the port.
    const header = await readHeader(this.#settings.file).then(
      (table) => ({ table }),
      () => undefined,
    );
    if (header !== undefined) this.#utcStartOf(header.table);
    this.#isWanted = true;
    this.#isOver = false;
    this.#refusal = undefined;
    this.#times.reset();
    this.#pace = new Pace(this.#settings.speed, this.#timers);
    await this.#playRound();
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#pace.stop();
    await this.#port.close();
    await this.#turn;
  }

  health(): CollectorHealth {
    const { received, errors, ...health } = this.#counters.health(this.#state(), this.#problem());
    return { ...health, received: received + this.#damage.total, errors: { ...errors, ...this.#damage.counts } };
  }

  #state(): CollectorHealth['state'] {
    if (!this.#isWanted || this.#isOver || this.#refusal !== undefined) return 'stopped';
    if (absenceOf(this.#port.state) !== undefined) return 'waiting';
    return this.#counters.samples === 0 ? 'starting' : 'running';
  }

  #problem(): string | undefined {
    if (this.#refusal !== undefined) return this.#refusal.message;
    const { state } = this.#port;
    const problem = state.kind === 'ended' ? state.problem : absenceOf(state);
    return problem === undefined ? undefined : `${this.#port.name}: ${problem}`;
  }

  #playRound(): Promise<void> {
    this.#reader = new RecordingReader(this.#damage);
    this.#channels = undefined;
    this.#times.beginRound();
    return this.#port.open(
      (bytes) => this.#deliver(this.#reader.feed(bytes)),
      (state) => this.#follow(state),
    );
  }

  #follow(state: PortState): void {
    if (state.kind === 'ended') this.#turn = this.#finishRound(state.problem);
  }

  async #finishRound(problem: string | undefined): Promise<void> {
    if (problem !== undefined) this.#counters.error('recording-broken-off');
    await this.#deliver(this.#reader.end());
    this.#isOver = !this.#settings.loop || this.#times.rowsOfRound === 0;
    if (this.#isOver || !this.#isWanted) return;
    await this.#port.close();
    if (this.#isWanted) await this.#playRound();
  }

  /** Takes rows into the intake, each when it is due. */
  async #deliver(rows: readonly RecordedRow[]): Promise<void> {
    if (rows.length > 0 || this.#reader.isUnknown) this.#channels ??= this.#makeChannels();
    const channels = this.#channels;
    if (channels === undefined) return;
    let from = 0;
    while (from < rows.length && this.#isWanted) {
      const due = await this.#pace.due(this.#times.playTime(rows[from]?.time ?? 0));
      let to = from + 1;
      while (to < rows.length && this.#times.playTime(rows[to]?.time ?? 0) <= due) to += 1;
      await this.#takeRows(channels, rows.slice(from, to), due);
      from = to;
    }
  }

  /** @param due time up to which rows are due now, microseconds */
  async #takeRows(channels: RowChannels, rows: readonly RecordedRow[], due: number): Promise<void> {
    const now = this.#context.clock.now();
    for (const row of rows) {
      const room = roomOf(row.values);
      if (!this.#context.intake.hasRoom(room)) await this.#untilRoom(room);
      if (!this.#isWanted) break;
      const time = this.#times.playTime(row.time);
      const isArrival = this.#settings.timestamp === 'arrival';
      const { taken, offered } = channels.push(
        row.values,
        isArrival ? this.#arrivalOf(time, due, now) : this.#utcStart + time,
      );
      this.#times.played(time);
      this.#counters.received += 1;
      this.#counters.samples += taken;
      if (taken < offered) this.#counters.dropped += 1;
    }
    this.#counters.lastSeen = now;
    this.#context.intake.publish();
  }

  /** A recording can wait for the store, so that a replay loses nothing. */
  async #untilRoom(samples: number): Promise<void> {
    const { intake } = this.#context;
    intake.publish();
    while (this.#isWanted && !intake.hasRoom(samples)) {
      await new Promise<void>((resolve) => this.#timers.after(ROOM_INTERVAL_MS, resolve));
    }
  }

  /** Box time at which a row was due, `now` at the latest and never going back: rows keep their distances. */
  #arrivalOf(time: number, due: number, now: number): number {
    const { speed } = this.#settings;
    const ideal = Number.isFinite(speed) ? now - (due - time) / speed : now;
    this.#lastArrival = Math.max(this.#lastArrival, Math.round(Math.min(now, ideal)));
    return this.#lastArrival;
  }

  /** Undefined, and the replay over, where the file turns out to be none that can be played. */
  #makeChannels(): RowChannels | undefined {
    const { table, kinds } = this.#reader;
    const { source, intake } = this.#context;
    try {
      this.#utcStart = this.#utcStartOf(table);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#refusal = error;
      this.#turn = this.#port.close();
      return undefined;
    }
    return table && new RowChannels(table, kinds, this.#settings, source, intake);
  }

  /**
   * UTC from which the times of a recording count; of no meaning where samples are stamped on arrival.
   * @throws CaissonError where the file cannot be played as the config asks
   */
  #utcStartOf(table: RecordingTable | undefined): number {
    if (table !== undefined) return utcStartOf(table, this.#settings, this.#context.source);
    const { file } = this.#settings;
    const problem = `source ${this.#context.source}: ${file} is no recording that can be played`;
    throw new CaissonError('port-unavailable', problem, { hint: `expected ${FORMATS_TEXT}` });
  }
}
