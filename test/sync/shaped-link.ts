import { connect, createServer, type Server, type Socket } from 'node:net';
import { Random } from '../../hardware/simulated/random.ts';

/*
 * A line between a client and a server, with the queue that a router has: what all connections send in one direction waits in it,
 * leaves at the rate of the line, and arrives half a round trip later, in order. Bytes of TCP and IP themselves are not counted.
 *
 * A queue that is full lets nothing in: no sender is read from until there is room, so it holds at most `queueBytes` and what one read
 * brings, 64 KiB. What a sender wrote beyond that lies in socket buffers of its own connection, as it does on a real line, where it
 * delays no other connection. A line without a rate has no queue; what is on its way is bounded by the windows of its connections.
 */

/** What is drawn for at a time, bytes: a full TCP segment. Counted from the start of a connection, so that a seed gives the same. */
const SEGMENT_BYTES = 1460;

/** The queue where nothing is said: so much line time, and at least so many bytes; what home routers and modems are built with. */
const QUEUE_MS = 250;
const QUEUE_BYTES_MIN = 64 * 1024;

/** Bytes that may wait for a receiver that does not read. At the maximum: nothing more is read from its sender. */
const UNREAD_BYTES_MAX = 64 * 1024;

/** How long a lost segment holds up what is behind it, beyond a round trip: the least time-out of TCP, milliseconds. */
const RETRANSMIT_MS = 200;

/** How often senders that wait for room are looked at, milliseconds. */
const LOOK_MS = 2;

export interface LinkShape {
  /** From the server to the client, bits a second. Default: as fast as it goes. */
  readonly downBitsPerS?: number;
  /** From the client to the server; default: as downwards. */
  readonly upBitsPerS?: number;
  /** Without any queue, milliseconds. */
  readonly roundTripMs?: number;
  /** At most so much more on each way, drawn for each segment; order is kept. */
  readonly jitterMs?: number;
  /** Chance of a segment to be lost: its connection stalls until it would have been sent again. */
  readonly stall?: number;
  /** Chance of a segment to be the last of its connection. */
  readonly reset?: number;
  /** Of each direction, bytes. */
  readonly queueBytes?: number;
  readonly seed?: number;
}

/** What passed in one direction. */
export interface LinkCount {
  /** Delivered. */
  readonly bytes: number;
  readonly stalls: number;
  readonly resets: number;
  /** In the queue now, and at most. */
  readonly queued: number;
  readonly queuedMax: number;
}

interface Ends {
  readonly near: Socket;
  readonly far: Socket;
}

export class ShapedLink {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #seed: number;
  readonly #down: Direction;
  readonly #up: Direction;
  readonly #pairs = new Set<Ends>();
  #isUp = true;
  #connections = 0;

  private constructor(targetPort: number, shape: LinkShape) {
    this.#targetPort = targetPort;
    this.#seed = shape.seed ?? 1;
    this.#down = new Direction(shape, shape.downBitsPerS);
    this.#up = new Direction(shape, shape.upBitsPerS ?? shape.downBitsPerS);
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => this.#accept(near));
  }

  static async start(targetPort: number, shape: LinkShape = {}): Promise<ShapedLink> {
    const link = new ShapedLink(targetPort, shape);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Since the start. */
  get connections(): number {
    return this.#connections;
  }

  /** From the server to the client. */
  get down(): LinkCount {
    return this.#down.count;
  }

  /** From the client to the server. */
  get up(): LinkCount {
    return this.#up.count;
  }

  /** From now on it has that rate, both ways. */
  set bitsPerS(rate: number) {
    this.#down.bitsPerS = rate;
    this.#up.bitsPerS = rate;
  }

  /** Cuts every connection now, and what is on its way is gone; new ones are taken. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Cuts everything and takes no new connections. */
  goDown(): void {
    this.#isUp = false;
    this.cut();
  }

  goUp(): void {
    this.#isUp = true;
  }

  async stop(): Promise<void> {
    this.cut();
    this.#down.stop();
    this.#up.stop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (!this.#isUp) {
      near.resetAndDestroy();
      return;
    }
    const number = this.#connections;
    this.#connections += 1;
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.on('error', end);
      socket.on('close', () => {
        // One that closed in good order may have left something that is still on its way.
        if (near.destroyed && far.destroyed) this.#pairs.delete(pair);
      });
    }
    this.#down.carry(far, near, new Random(this.#seed * 2_000_003 + number * 2));
    this.#up.carry(near, far, new Random(this.#seed * 2_000_003 + number * 2 + 1));
  }
}

interface Segment {
  /** Undefined: the sender has ended. */
  readonly bytes: Uint8Array | undefined;
  readonly arrivesAt: number;
}

/** Bytes of one connection in one direction. */
class Flow {
  readonly from: Socket;
  readonly to: Socket;
  readonly random: Random;
  /** Bytes that the segment which is being filled still takes. */
  segmentRest = 0;
  /** Nothing more of it arrives before, milliseconds. */
  notBefore = 0;
  /** What is on its way, in order; those before `head` have arrived. */
  #segments: Segment[] = [];
  #head = 0;

  constructor(from: Socket, to: Socket, random: Random) {
    this.from = from;
    this.to = to;
    this.random = random;
  }

  get nextArrival(): number {
    return this.#segments[this.#head]?.arrivesAt ?? Number.POSITIVE_INFINITY;
  }

  push(bytes: Uint8Array | undefined, arrivesAt: number): void {
    this.notBefore = Math.max(this.notBefore, arrivesAt);
    this.#segments.push({ bytes, arrivesAt: this.notBefore });
  }

  /** Hands over what has arrived; returns its bytes. */
  deliver(now: number): number {
    let delivered = 0;
    this.to.cork();
    for (; this.nextArrival <= now; this.#head += 1) {
      const bytes = this.#segments[this.#head]?.bytes;
      if (bytes === undefined) this.to.end();
      else if (this.to.writable) {
        delivered += bytes.length;
        this.to.write(bytes);
      }
    }
    this.to.uncork();
    if (this.#head === this.#segments.length || this.#head > 4096) {
      this.#segments = this.#segments.slice(this.#head);
      this.#head = 0;
    }
    return delivered;
  }
}

/** One direction of the line. */
class Direction {
  bitsPerS: number;
  readonly #shape: LinkShape;
  readonly #flows = new Set<Flow>();
  #lineFreeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #stalls = 0;
  #resets = 0;
  #queuedMax = 0;

  constructor(shape: LinkShape, bitsPerS = Number.POSITIVE_INFINITY) {
    this.#shape = shape;
    this.bitsPerS = bitsPerS;
  }

  get count(): LinkCount {
    const [bytes, stalls, resets] = [this.#bytes, this.#stalls, this.#resets];
    return { bytes, stalls, resets, queued: this.#queued(performance.now()), queuedMax: this.#queuedMax };
  }

  carry(from: Socket, to: Socket, random: Random): void {
    const flow = new Flow(from, to, random);
    this.#flows.add(flow);
    from.on('data', (bytes) => this.#take(flow, bytes));
    from.on('end', () => {
      flow.push(undefined, Math.max(performance.now(), this.#lineFreeAt) + (this.#shape.roundTripMs ?? 0) / 2);
      this.#schedule();
    });
    to.on('close', () => this.#flows.delete(flow));
    to.on('drain', () => this.#admit());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#flows.clear();
  }

  #take(flow: Flow, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (flow.segmentRest === 0) flow.segmentRest = SEGMENT_BYTES;
      const part = bytes.subarray(at, at + flow.segmentRest);
      flow.segmentRest -= part.length;
      at += part.length;
      if (!this.#send(flow, part)) break;
    }
    this.#queuedMax = Math.max(this.#queuedMax, this.#queued(performance.now()));
    this.#admit();
    this.#schedule();
  }

  /** Puts a segment, or a part of one, into the queue. Returns false where the connection ends with it. */
  #send(flow: Flow, bytes: Uint8Array): boolean {
    const { roundTripMs = 0, jitterMs = 0, stall = 0, reset = 0 } = this.#shape;
    this.#lineFreeAt = Math.max(performance.now(), this.#lineFreeAt) + (bytes.length * 8e3) / this.bitsPerS;
    let arrivesAt = this.#lineFreeAt + roundTripMs / 2;
    if (flow.segmentRest === 0) {
      // Drawn once a segment whatever happens, and always in this order: the same seed does the same to the same bytes.
      const [late, lost, last] = [flow.random.unit(), flow.random.unit(), flow.random.unit()];
      arrivesAt += jitterMs * late;
      if (lost < stall) {
        this.#stalls += 1;
        arrivesAt += roundTripMs + RETRANSMIT_MS;
      }
      if (last < reset) {
        this.#resets += 1;
        flow.from.resetAndDestroy();
        flow.to.resetAndDestroy();
        return false;
      }
    }
    flow.push(bytes, arrivesAt);
    return true;
  }

  /** Bytes that have not left. */
  #queued(now: number): number {
    if (this.bitsPerS === Number.POSITIVE_INFINITY) return 0;
    return Math.max(0, ((this.#lineFreeAt - now) * this.bitsPerS) / 8e3);
  }

  /** Lets senders go on or holds them, by the room that there is. */
  #admit(): void {
    const { queueBytes = Math.max(QUEUE_BYTES_MIN, (QUEUE_MS * this.bitsPerS) / 8e3) } = this.#shape;
    const isFull = this.#queued(performance.now()) >= queueBytes;
    for (const { from, to } of this.#flows) {
      if (isFull || to.writableLength > UNREAD_BYTES_MAX) from.pause();
      else from.resume();
    }
  }

  #deliver(): void {
    const now = performance.now();
    for (const flow of this.#flows) this.#bytes += flow.deliver(now);
    this.#admit();
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    let wait = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const flow of this.#flows) {
      wait = Math.min(wait, flow.nextArrival - now, flow.from.isPaused() ? LOOK_MS : Number.POSITIVE_INFINITY);
    }
    if (wait !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#deliver(), Math.max(0, wait));
  }
}
