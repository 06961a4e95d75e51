/** What is used of the npm package `socketcan`, which is optional: it is built where Node's headers and a compiler are. */
export interface SocketcanAddon {
  createRawChannelWithOptions(
    name: string,
    options: { readonly timestamps: boolean; readonly non_block_send: boolean },
  ): AddonChannel;
}

export interface AddonChannel {
  addListener(event: 'onMessage', listener: (message: AddonMessage) => void): void;
  addListener(event: 'onStopped', listener: () => void): void;
  start(): void;
  stop(): void;
  /** Returns the bytes sent; less than 1 where there was no room or no interface. */
  send(message: AddonMessage): number;
  sendFD(message: AddonMessage): number;
  setRxFilters(filters: readonly { readonly id: number; readonly mask: number; readonly invert?: boolean }[]): void;
  setErrorFilters(mask: number): void;
}

export interface AddonMessage {
  readonly id: number;
  readonly ext?: boolean;
  readonly rtr?: boolean;
  readonly err?: boolean;
  /** On sending: CAN FD with the faster data phase. */
  readonly fd_brs?: boolean;
  readonly data: Uint8Array;
  /** Kernel's time, UTC. */
  readonly ts_sec?: number;
  readonly ts_usec?: number;
}

/** The package, or why it cannot be had and what to do. */
export type AddonProbe = { readonly addon: SocketcanAddon } | { readonly problem: string };

/** Loads the package if it is there. Never rejects. */
export async function probeAddon(): Promise<AddonProbe> {
  try {
    const loaded: { readonly default: SocketcanAddon } = await import(PACKAGE);
    return { addon: loaded.default };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { problem: `the npm package socketcan cannot be loaded (${why}); npm install socketcan builds it` };
  }
}

/** Not a literal: the package has types of its own that do not say what it gives. */
const PACKAGE: string = 'socketcan';
