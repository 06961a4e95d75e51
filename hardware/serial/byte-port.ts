/**
 * A wire that carries bytes: a UART, a pseudo terminal, a recording. It knows nothing of what the bytes mean.
 *
 * What every port holds to; one contract suite runs over all of them:
 * - `open` resolves after the first attempt and never rejects for want of the device. A port that is not there, or
 *   vanishes, is tried again by itself with bounded back-off until `close`.
 * - Bytes arrive in order and unchanged, in pieces of any length of at least one byte.
 * - After `close` resolved neither listener is called again. A port can be opened again afterwards.
 */
export interface BytePort {
  /** What the port is called in messages: its device path or file. */
  readonly name: string;
  readonly state: PortState;
  /** Bytes given to {@link BytePort.write} that were dropped: the port was not open, or its write buffer was full. */
  readonly droppedBytes: number;

  /** Opens the port, and keeps it open until `close`. Throws when it is open already. */
  open(onData: DataListener, onState?: StateListener): Promise<void>;

  /** Closes the port and gives up every retry. Resolves at once when it is closed already. */
  close(): Promise<void>;

  /**
   * Sends all of `bytes` or none of it. Returns false when they were dropped, which {@link BytePort.droppedBytes}
   * counts. The bytes are taken over: do not change them afterwards.
   */
  write(bytes: Uint8Array): boolean;
}

/**
 * Takes bytes as they arrive. The array is the port's own and valid only until the call returns, or until the promise
 * it returned settled: nothing further is read before, so that a recording can be played as fast as it is taken.
 * A device cannot wait that long; what it sends meanwhile is lost in the kernel once its buffer (about 64 KiB) is full.
 */
export type DataListener = (bytes: Uint8Array) => void | Promise<void>;

export type StateListener = (state: PortState) => void;

export type PortState =
  | { readonly kind: 'closed' }
  /** It is tried; `problem` says why the last attempt failed, or what ended the opening before. */
  | { readonly kind: 'opening'; readonly problem?: string }
  | { readonly kind: 'open' }
  /** The device is not there; it is tried again after `retryMs` milliseconds. */
  | { readonly kind: 'waiting'; readonly problem: string; readonly retryMs: number }
  /** A recording was played to its end, or to `problem`, from where it cannot be read: what came before is not repeated. */
  | { readonly kind: 'ended'; readonly problem?: string };

/** Why the device is not there, also in the moments in which it is tried again; undefined where nothing has failed. */
export function absenceOf(state: PortState): string | undefined {
  return state.kind === 'waiting' || state.kind === 'opening' ? state.problem : undefined;
}
