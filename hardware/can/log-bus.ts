import { Pace } from '../pace.ts';
import type { BytePort, PortState } from '../serial/byte-port.ts';
import { openLogPort } from '../serial/log-port.ts';
import type { ReopeningOptions } from '../serial/reopening-port.ts';
import { systemTimers, type Timers } from '../serial/timers.ts';
import type { CanBus, CanBusListener } from './can-bus.ts';
import { ReasonCounts } from './can-bus.ts';
import { FrameBatch } from './can-frame.ts';
import { CandumpLog } from './candump-log.ts';

export interface LogSettings {
  /** File as `candump -l` or `-L` writes it, packed with gzip or not. */
  readonly path: string;
  /** Seconds of the recording in one second; Infinity for as fast as it is taken. */
  readonly speed: number;
  /** Begins again at the end; the times go on as if the recording had been made once more. */
  readonly loop?: boolean;
  /** Moves the times so that the first frame has this one, UTC in microseconds. */
  readonly startAt?: number;
}

/** Frames read ahead and handed on at once. */
const BATCH_FRAMES = 256;

/** Time between the last frame of one round and the first of the next, microseconds. */
const ROUND_GAP_US = 10_000;

/** Plays a recording of one or several buses as if they were there, at any speed. */
export class LogBus implements CanBus {
  readonly waits = true;
  readonly speed: number;
  readonly #settings: LogSettings;
  readonly #timers: Timers;
  readonly #port: BytePort;
  readonly #log = new CandumpLog();
  readonly #broken = new ReasonCounts();
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  #listener: CanBusListener | undefined;
  #pace: Pace;
  /** Added to the recording's times, microseconds. */
  #shift: number | undefined;
  #lastTime = Number.NEGATIVE_INFINITY;
  #framesOfRound = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(settings: LogSettings, options: ReopeningOptions = {}) {
    this.speed = settings.speed;
    this.#settings = settings;
    this.#timers = options.timers ?? systemTimers;
    this.#port = openLogPort({ path: settings.path }, options);
    this.#pace = new Pace(settings.speed, this.#timers);
  }

  get interfaces(): readonly string[] {
    return this.#log.interfaces;
  }

  get errors(): Readonly<Record<string, number>> {
    return { ...this.#log.errors, ...this.#broken.counts };
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    this.#open();
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    this.#pace.stop();
    await this.#port.close();
    await this.#turn;
  }

  #open(): void {
    void this.#port.open(
      (bytes) => this.#take(bytes),
      (state) => this.#follow(state),
    );
  }

  async #take(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length && this.#listener !== undefined) {
      this.#batch.clear();
      at = this.#log.decode(bytes, at, this.#batch);
      await this.#deliver();
    }
  }

  /** Hands on what is in the batch, each part when it is due. */
  async #deliver(): Promise<void> {
    const { times, count } = this.#batch;
    if (count === 0) return;
    this.#framesOfRound += count;
    this.#date(times, count);
    let from = 0;
    while (from < count && this.#listener !== undefined) {
      const due = await this.#pace.due(times[from] ?? 0);
      let to = from + 1;
      while (to < count && (times[to] ?? 0) <= due) to++;
      await this.#listener?.onFrames(this.#batch, from, to);
      from = to;
    }
  }

  #date(times: Float64Array, count: number): void {
    this.#shift ??= this.#firstTime(times[0] ?? 0) - (times[0] ?? 0);
    for (let i = 0; i < count; i++) {
      const time = (times[i] ?? 0) + this.#shift;
      times[i] = time;
      if (time > this.#lastTime) this.#lastTime = time;
    }
  }

  /** Where the round that begins with `recorded` begins. */
  #firstTime(recorded: number): number {
    if (this.#lastTime > 0) return this.#lastTime + ROUND_GAP_US;
    return this.#settings.startAt ?? recorded;
  }

  #follow(state: PortState): void {
    if (state.kind === 'open') this.#listener?.onState({ state: 'open' });
    if (state.kind === 'waiting') this.#listener?.onState({ state: 'waiting', problem: state.problem });
    if (state.kind === 'ended') this.#turn = this.#finishRound(state.problem);
  }

  async #finishRound(problem: string | undefined): Promise<void> {
    if (problem !== undefined) this.#broken.add('recording-broken-off');
    await this.#port.close();
    this.#batch.clear();
    this.#log.end(this.#batch);
    await this.#deliver();
    const listener = this.#listener;
    if (listener === undefined) return;
    if (this.#settings.loop === true && this.#framesOfRound > 0) {
      this.#framesOfRound = 0;
      this.#shift = undefined;
      this.#open();
    } else {
      listener.onState(problem === undefined ? { state: 'ended' } : { state: 'ended', problem });
    }
  }
}
