import { BackOff } from './back-off.ts';
import { absenceOf, type BytePort, type DataListener, type PortState, type StateListener } from './byte-port.ts';
import { systemTimers, type Timers } from './timers.ts';

/** One opening of a device, from the moment it is there until it is closed or lost. */
export interface Link {
  /** Sends all of `bytes` or nothing; false when there was no room. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when the device is released; no event follows. */
  close(): Promise<void>;
}

/** What a link tells. `lost` and `ended` come at most once, and the link has released its device by itself then. */
export interface LinkEvents {
  readonly data: DataListener;
  /** The device is gone; `problem` says what happened. */
  readonly lost: (problem: string) => void;
  /** There is nothing more to come, ever; `problem` says why where that is no proper end. */
  readonly ended: (problem?: string) => void;
}

/** Opens the device once. Rejects when that is not possible now; the message is shown to people. */
export type Connect = (events: LinkEvents) => Promise<Link>;

export interface ReopeningOptions {
  readonly timers?: Timers;
  /** Numbers in [0, 1) for the jitter of the back-off. */
  readonly random?: () => number;
}

/** The part all ports share: keeps one {@link Link} alive, opening it again whenever it is lost. */
export class ReopeningPort implements BytePort {
  readonly name: string;
  droppedBytes = 0;
  readonly #connect: Connect;
  readonly #timers: Timers;
  readonly #backOff: BackOff;
  #state: PortState = { kind: 'closed' };
  #life: Life | undefined;

  constructor(name: string, connect: Connect, options: ReopeningOptions = {}) {
    this.name = name;
    this.#connect = connect;
    this.#timers = options.timers ?? systemTimers;
    this.#backOff = new BackOff(options.random);
  }

  get state(): PortState {
    return this.#state;
  }

  async open(onData: DataListener, onState: StateListener = () => {}): Promise<void> {
    if (this.#life !== undefined) throw new Error(`port ${this.name} is open already`);
    const life: Life = { onData, onState, link: undefined, cancelRetry: undefined, attempt: undefined };
    this.#life = life;
    this.#backOff.reset();
    await this.#try(life);
  }

  async close(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    this.#state = { kind: 'closed' };
    life.cancelRetry?.();
    await life.attempt;
    await life.link?.close();
  }

  write(bytes: Uint8Array): boolean {
    const taken = this.#life?.link?.write(bytes) ?? false;
    if (!taken) this.droppedBytes += bytes.length;
    return taken;
  }

  #try(life: Life): Promise<void> {
    life.attempt = this.#attempt(life).finally(() => {
      life.attempt = undefined;
    });
    return life.attempt;
  }

  async #attempt(life: Life): Promise<void> {
    const problem = absenceOf(this.#state);
    this.#enter(life, { kind: 'opening', ...(problem !== undefined && { problem }) });
    // A link may be lost in the very turn in which it is made: it then must not be taken for open.
    let over = false;
    const finish = (action: () => void): void => {
      if (over) return;
      over = true;
      life.link = undefined;
      if (this.#life === life) action();
    };
    const events: LinkEvents = {
      data: (bytes) => {
        if (this.#life !== life || over) return;
        this.#backOff.reset();
        return life.onData(bytes);
      },
      lost: (problem) => finish(() => this.#wait(life, problem)),
      ended: (problem) => finish(() => this.#enter(life, { kind: 'ended', ...(problem !== undefined && { problem }) })),
    };
    try {
      const link = await this.#connect(events);
      if (over) return;
      life.link = link;
      if (this.#life === life) this.#enter(life, { kind: 'open' });
    } catch (error) {
      events.lost(error instanceof Error ? error.message : String(error));
    }
  }

  #wait(life: Life, problem: string): void {
    const retryMs = this.#backOff.next();
    life.cancelRetry = this.#timers.after(retryMs, () => {
      if (this.#life === life) void this.#try(life);
    });
    this.#enter(life, { kind: 'waiting', problem, retryMs });
  }

  #enter(life: Life, state: PortState): void {
    if (this.#life !== life) return;
    this.#state = state;
    life.onState(state);
  }
}

/** What belongs to one span between `open` and `close`. */
interface Life {
  readonly onData: DataListener;
  readonly onState: StateListener;
  link: Link | undefined;
  cancelRetry: (() => void) | undefined;
  attempt: Promise<void> | undefined;
}
