import type { FrameBatch } from './can-frame.ts';
import type { ControllerState } from './error-frame.ts';

/**
 * One source of CAN frames: an adapter or a recording. It owns its port, and re-opens it by itself with bounded back-off
 * when it is lost.
 */
export interface CanBus {
  /**
   * True where the frames can wait for who takes them (a recording): the bus awaits the promise that `onFrames` returns
   * before it goes on. A live bus does not wait; what is not taken during the call is gone.
   */
  readonly waits: boolean;
  /** Seconds of the frames' own times that pass in one second; 1 for a live bus, Infinity for as fast as can be. */
  readonly speed: number;
  /** Names of the interfaces met so far; a frame's `interfaces` entry is an index into it. It only grows. */
  readonly interfaces: readonly string[];
  /** What came from the wire and was no frame, by reason. */
  readonly errors: Readonly<Record<string, number>>;
  /** Of a recording: where the first of each reason stands in it, such as `line 17`. */
  readonly errorPlaces?: Readonly<Record<string, string>>;
  /** What a live bus knows of one of its interfaces beside the frames; undefined where nothing tells. */
  statusOf?(index: number): CanBusStatus | undefined;
  /** Begins; calls the listener until `stop` has resolved. A bus is started once. */
  start(listener: CanBusListener): void;
  /**
   * Sends a frame; false where it could not be taken: no port, or no room. Undefined where the bus cannot send.
   * @param flags FRAME_ bits
   */
  send?(id: number, flags: number, data: Uint8Array): boolean;
  /** Closes the port; resolves when it is closed and the listener is not called again. */
  stop(): Promise<void>;
}

export interface CanBusStatus {
  /** Frames since the start that were on the wire and lost in controller or kernel; undefined where they are not counted. */
  readonly lost: number | undefined;
  /** Undefined where nothing tells, as with virtual interfaces. */
  readonly controller: ControllerState | undefined;
  /** Speeds by the controller's account, bit/s. */
  readonly bitrate: number | undefined;
  readonly dataBitrate: number | undefined;
}

export interface CanBusListener {
  /**
   * Frames `from` to `to - 1` of the batch, in the order of the wire. The batch belongs to the bus again when the call
   * has returned, or, on a bus that waits, when the returned promise has resolved.
   */
  onFrames(frames: FrameBatch, from: number, to: number): Promise<void> | undefined;
  onState(state: CanBusState): void;
}

/** `waiting` for the port, with what is wrong; `ended` when a recording has been played, as far as it can be read. */
export type CanBusState =
  | { readonly state: 'open' }
  | { readonly state: 'waiting'; readonly problem: string }
  | { readonly state: 'ended'; readonly problem?: string };

/** Counts bad input by reason. */
export class ReasonCounts {
  readonly counts: Record<string, number> = {};
  /** Where the first of each reason stands in a recording, such as `line 17` or `byte 4096`. */
  readonly places: Record<string, string> = {};

  add(reason: string, unit?: 'line' | 'byte', number?: number): void {
    const count = this.counts[reason] ?? 0;
    this.counts[reason] = count + 1;
    if (count === 0 && unit !== undefined) this.places[reason] = `${unit} ${number}`;
  }
}
