import { BackOff } from '../../serial/back-off.ts';
import type { ReopeningOptions } from '../../serial/reopening-port.ts';
import { systemTimers, type Timers } from '../../serial/timers.ts';
import { type CanBus, type CanBusListener, type CanBusState, type CanBusStatus, ReasonCounts } from '../can-bus.ts';
import { FRAME_ERROR, type FrameBatch } from '../can-frame.ts';
import { type ControllerState, reportedState } from '../error-frame.ts';
import { InterfaceNames } from '../interface-names.ts';
import { type AddonProbe, probeAddon } from './addon.ts';
import { AddonLink } from './addon-link.ts';
import { CandumpLink, NoCandump } from './candump-link.ts';
import type { FrameLink, FrameLinkEvents, SocketcanSettings } from './frame-link.ts';
import { FrameSender } from './frame-sender.ts';
import { type ControllerDetails, controllerDetails, interfaceCounters, interfaceProblem } from './link-status.ts';

/** Time between two looks at the counters of the interface, milliseconds; and looks from one question to `ip` to the next. */
const LOOK_INTERVAL_MS = 1000;
const LOOKS_PER_DETAILS = 10;

/** Buffer of the socket unless it is told otherwise, bytes: some 2,800 frames, a third of a second of a full bus. */
export const SOCKETCAN_BUFFER_BYTES = 2 * 1024 * 1024;

/** How frames are read: `auto` takes candump where it is installed, else the npm package. */
export type SocketcanReader = 'auto' | 'candump' | 'addon';

/** A CAN interface of this machine. */
export function openSocketcanBus(
  settings: SocketcanSettings & { readonly reader?: SocketcanReader },
  options: ReopeningOptions = {},
): CanBus {
  return new SocketcanBus(settings, settings.reader ?? 'auto', options);
}

export class SocketcanBus implements CanBus {
  readonly waits = false;
  readonly speed = 1;
  readonly #settings: SocketcanSettings;
  readonly #reader: SocketcanReader;
  readonly #timers: Timers;
  readonly #backOff: BackOff;
  readonly #names = new InterfaceNames();
  readonly #reasons = new ReasonCounts();
  #listener: CanBusListener | undefined;
  #link: FrameLink | undefined;
  #sender: FrameSender | undefined;
  #probe: AddonProbe | undefined;
  #attempt: Promise<void> | undefined;
  #look: Promise<void> | undefined;
  #cancelTimer: () => void = () => {};
  #details: ControllerDetails = { state: undefined, bitrate: undefined, dataBitrate: undefined };
  #controller: ControllerState | undefined;
  /** Lost before any socket, by the interface's counter, at the last look. */
  #lostAtLook: number | undefined;
  #lost = 0;
  #state: CanBusState['state'] | undefined;

  constructor(settings: SocketcanSettings, reader: SocketcanReader, options: ReopeningOptions = {}) {
    this.#settings = settings;
    this.#reader = reader;
    this.#timers = options.timers ?? systemTimers;
    this.#backOff = new BackOff(options.random);
    this.#names.indexOf(settings.name);
  }

  get interfaces(): readonly string[] {
    return this.#names.names;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#reasons.counts;
  }

  statusOf(): CanBusStatus {
    const { bitrate, dataBitrate } = this.#details;
    return { lost: this.#lost, controller: this.#controller, bitrate, dataBitrate };
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    this.#try();
  }

  send(id: number, flags: number, data: Uint8Array): boolean {
    const sent = this.#sender?.send(id, flags, data) ?? false;
    if (!sent && this.#link !== undefined) this.#reasons.add('not-sent');
    return sent;
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    this.#cancelTimer();
    await this.#attempt;
    await this.#look;
    const link = this.#link;
    this.#release();
    await link?.close();
  }

  #try(): void {
    this.#attempt = this.#open().catch((error) => this.#wait(error instanceof Error ? error.message : String(error)));
  }

  async #open(): Promise<void> {
    const { name } = this.#settings;
    const problem = await interfaceProblem(name);
    if (problem !== undefined) throw new Error(problem);
    this.#probe ??= await probeAddon();
    this.#details = await controllerDetails(name);
    this.#lostAtLook ??= (await interfaceCounters(name))?.lost;
    let isOver = false;
    const events: FrameLinkEvents = {
      frames: (batch, from, to) => this.#take(batch, from, to),
      dropped: (frames) => {
        this.#lost += frames;
      },
      lost: (why) => {
        isOver = true;
        this.#release();
        this.#wait(why);
      },
    };
    if (this.#listener === undefined) return;
    const link = await this.#openLink(events, this.#probe);
    // candump may have ended in the very turn in which it began.
    if (isOver) return;
    this.#link = link;
    if ('addon' in this.#probe) this.#sender = new FrameSender(this.#probe.addon, name);
    this.#follow(this.#details.state);
    this.#look = this.#lookAt(1);
  }

  /** Opens by what reads best of what there is; says what to install where there is nothing. */
  async #openLink(events: FrameLinkEvents, probe: AddonProbe): Promise<FrameLink> {
    let missing = '';
    if (this.#reader !== 'addon') {
      try {
        return await CandumpLink.open(this.#settings, this.#names, this.#reasons, events);
      } catch (error) {
        if (!(error instanceof NoCandump)) throw error;
        missing = 'candump is not installed; `apt-get install can-utils` brings it';
        if (this.#reader === 'candump') throw new Error(missing);
      }
    }
    if ('addon' in probe) return new AddonLink(probe.addon, this.#settings, 0, events);
    throw new Error(missing === '' ? probe.problem : `${missing}. Nor is there another reader: ${probe.problem}`);
  }

  #release(): void {
    this.#link = undefined;
    this.#sender = undefined;
  }

  #wait(problem: string): void {
    this.#cancelTimer();
    if (this.#listener === undefined) return;
    this.#cancelTimer = this.#timers.after(this.#backOff.next(), () => this.#try());
    this.#enter({ state: 'waiting', problem });
  }

  #take(batch: FrameBatch, from: number, to: number): void {
    this.#backOff.reset();
    for (let i = from; i < to; i++) {
      const reported = ((batch.flags[i] as number) & FRAME_ERROR) === 0 ? undefined : reportedState(batch, i);
      if (reported !== undefined) this.#follow(reported);
      // A controller that is off its bus hears nothing: it has come back, and this kernel did not say so.
      else if (this.#controller === 'bus-off' && ((batch.flags[i] as number) & FRAME_ERROR) === 0)
        this.#follow('error-active');
    }
    void this.#listener?.onFrames(batch, from, to);
  }

  /** A controller that is off its bus is not a quiet bus. */
  #follow(controller: ControllerState | undefined): void {
    this.#controller = controller;
    if (controller !== 'bus-off') {
      if (this.#state !== 'open') this.#enter({ state: 'open' });
      return;
    }
    const { name } = this.#settings;
    const hint = `\`ip link set ${name} type can restart-ms 100\` makes it come back by itself`;
    this.#enter({ state: 'waiting', problem: `the controller is bus-off: too many errors on the wire; ${hint}` });
  }

  #enter(state: CanBusState): void {
    this.#state = state.state;
    this.#listener?.onState(state);
  }

  #awaitLook(looks: number): void {
    this.#cancelTimer = this.#timers.after(LOOK_INTERVAL_MS, () => {
      this.#look = this.#lookAt(looks);
    });
  }

  async #lookAt(looks: number): Promise<void> {
    const { name } = this.#settings;
    const link = this.#link;
    const taken = link?.taken ?? 0;
    const counters = await interfaceCounters(name);
    const details = looks % LOOKS_PER_DETAILS === 0 ? await controllerDetails(name) : undefined;
    if (link === undefined || this.#link !== link || this.#listener === undefined) return;
    if (counters !== undefined) {
      this.#lost += Math.max(0, counters.lost - (this.#lostAtLook ?? counters.lost));
      this.#lostAtLook = counters.lost;
      link.compare?.(counters.received, taken);
    }
    if (details !== undefined) {
      this.#details = details;
      if (details.state !== undefined && details.state !== this.#controller) this.#follow(details.state);
    }
    this.#awaitLook(looks + 1);
  }
}
