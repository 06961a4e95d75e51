import { Pace } from '../../pace.ts';
import { BackOff } from '../../serial/back-off.ts';
import type { ReopeningOptions } from '../../serial/reopening-port.ts';
import { systemTimers, type Timers } from '../../serial/timers.ts';
import type { CanBus, CanBusListener } from '../can-bus.ts';
import { FrameBatch, wireTimeUs } from '../can-frame.ts';
import { NoRecordingError, openCanRecording } from './can-recording.ts';
import { type CanRecording, type RecordingContext, recordingContext } from './frame-decoder.ts';

export interface LogSettings {
  /** File of any format of {@link openCanRecording}, packed with gzip or not. */
  readonly path: string;
  /** Seconds of the recording in one second; Infinity for as fast as it is taken. */
  readonly speed: number;
  /** Begins again at the end; the times go on as if the recording had been made once more. */
  readonly loop?: boolean;
  /** Moves the times so that the first frame has this one, UTC in microseconds. */
  readonly startAt?: number;
  /** What the clock of a recorder that writes local time was ahead of UTC, microseconds. */
  readonly utcOffsetUs?: number;
  /** Of the recorded bus, bit/s: the pace of a recording without times. */
  readonly bitrate?: number;
}

/** Frames read ahead and handed on at once. */
const BATCH_FRAMES = 256;

/** Time between the last frame of one round and the first of the next, microseconds. */
const ROUND_GAP_US = 10_000;

/** Pace of a recording without times of which nothing is known: NMEA 2000 and J1939 have it, bit/s. */
const DEFAULT_BITRATE = 250_000;

/** Plays a recording of one or several buses as if they were there, at any speed. */
export class LogBus implements CanBus {
  readonly waits = true;
  readonly speed: number;
  readonly #settings: LogSettings;
  readonly #timers: Timers;
  readonly #backOff: BackOff;
  readonly #context: RecordingContext;
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #pace: Pace;
  #listener: CanBusListener | undefined;
  #recording: CanRecording | undefined;
  #wake: () => void = () => {};
  /** Added to the recording's times, microseconds. */
  #shift: number | undefined;
  #lastTime = Number.NEGATIVE_INFINITY;
  /** When the next frame without a time is due, in the recording's own time. */
  #untimed = 0;
  #playing: Promise<void> = Promise.resolve();

  constructor(settings: LogSettings, options: ReopeningOptions = {}) {
    this.speed = settings.speed;
    this.#settings = settings;
    this.#timers = options.timers ?? systemTimers;
    this.#backOff = new BackOff(options.random);
    this.#context = recordingContext(settings.utcOffsetUs);
    this.#pace = new Pace(settings.speed, this.#timers);
  }

  get interfaces(): readonly string[] {
    return this.#context.interfaces.names;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#context.errors.counts;
  }

  get errorPlaces(): Readonly<Record<string, string>> {
    return this.#context.errors.places;
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    this.#playing = this.#play(listener);
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    this.#pace.stop();
    this.#wake();
    await this.#recording?.close();
    await this.#playing;
  }

  async #play(listener: CanBusListener): Promise<void> {
    for (;;) {
      const problem = await this.#openWhenThere(listener);
      if (this.#listener === undefined) return;
      if (problem !== undefined) return listener.onState({ state: 'ended', problem });
      listener.onState({ state: 'open' });
      this.#shift = undefined;
      const { frames, problem: damage } = await this.#playRound();
      await this.#recording?.close();
      if (this.#listener === undefined) return;
      if (this.#settings.loop === true && frames > 0) continue;
      return listener.onState(damage === undefined ? { state: 'ended' } : { state: 'ended', problem: damage });
    }
  }

  /** Tries until the file is there, or the bus is stopped. Resolves to why it never will be played. */
  async #openWhenThere(listener: CanBusListener): Promise<string | undefined> {
    while (this.#listener !== undefined) {
      try {
        this.#recording = await openCanRecording(this.#settings.path, this.#context);
        this.#backOff.reset();
        if (this.#listener === undefined) await this.#recording.close();
        return undefined;
      } catch (error) {
        const problem = messageOf(error);
        if (error instanceof NoRecordingError) {
          this.#context.errors.add('unknown-format');
          return problem;
        }
        if (this.#listener === undefined) break;
        listener.onState({ state: 'waiting', problem });
        await this.#sleep(this.#backOff.next());
      }
    }
    return undefined;
  }

  async #playRound(): Promise<{ frames: number; problem?: string }> {
    const batch = this.#batch;
    for (let frames = 0; ; frames += batch.count) {
      batch.clear();
      try {
        const isThere = await this.#recording?.read(batch);
        if (isThere !== true || this.#listener === undefined) return { frames };
      } catch (error) {
        // A file that was closed under a read that was under way is not broken.
        if (this.#listener !== undefined) this.#context.errors.add('recording-broken-off');
        return { frames, problem: messageOf(error) };
      }
      await this.#deliver();
    }
  }

  /** Hands on what is in the batch, each part when it is due. */
  async #deliver(): Promise<void> {
    const { times, count } = this.#batch;
    this.#date();
    let from = 0;
    while (from < count && this.#listener !== undefined) {
      const due = await this.#pace.due(this.#dueTime(from));
      let to = from + 1;
      while (to < count && (Number.isNaN(times[to]) ? this.#untimed : (times[to] as number)) <= due) {
        this.#dueTime(to);
        to++;
      }
      await this.#listener?.onFrames(this.#batch, from, to);
      from = to;
    }
  }

  /** When frame `i` is due: at its time, or when the one before has passed over the wire. */
  #dueTime(i: number): number {
    const { times, flags, lengths } = this.#batch;
    const time = times[i] as number;
    const due = Number.isNaN(time) ? this.#untimed : time;
    const bitrate = this.#settings.bitrate ?? DEFAULT_BITRATE;
    this.#untimed = due + wireTimeUs(flags[i] as number, lengths[i] as number, bitrate, bitrate);
    return due;
  }

  #date(): void {
    const { times, count } = this.#batch;
    for (let i = 0; i < count; i++) {
      const recorded = times[i] as number;
      if (Number.isNaN(recorded)) continue;
      this.#shift ??= this.#firstTime(recorded) - recorded;
      const time = recorded + this.#shift;
      times[i] = time;
      if (time > this.#lastTime) this.#lastTime = time;
    }
  }

  /** Where the round that begins with `recorded` begins. */
  #firstTime(recorded: number): number {
    if (this.#lastTime > 0) return this.#lastTime + ROUND_GAP_US;
    return this.#settings.startAt ?? recorded;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
