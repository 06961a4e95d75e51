import { PACK_BLOCKS_MAX } from '../limits.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

/**
 * A roster is a set of channels, by ascending local id, whose packs form a series: one row of the index serves all blocks
 * of a pack. A pack may lack some of its roster's channels.
 */

/** Rosters of a channel from which on packs go into wide ones that they fill only in part, and no new narrow ones are made. */
const NARROW_ROSTERS_MAX = 8;

export function encodeRoster(channels: readonly number[]): Uint8Array {
  const out = new ByteWriter(channels.length * 2 + 4);
  let before = 0;
  for (const channel of channels) {
    out.varint(channel - before);
    before = channel;
  }
  return out.toBytes();
}

export function decodeRoster(bytes: Uint8Array): number[] {
  const input = new ByteReader(bytes, 'block-invalid', 'ROSTER');
  const channels: number[] = [];
  let before = 0;
  while (input.remaining > 0) {
    before += input.varint();
    channels.push(before);
  }
  return channels;
}

/** All rosters of a store, and which of them a pack belongs to. */
export class RosterBook {
  readonly #members = new Map<number, readonly number[]>();
  readonly #byChannels = new Map<string, number>();
  readonly #byChannel = new Map<number, number[]>();

  add(roster: number, channels: readonly number[]): void {
    this.#members.set(roster, channels);
    this.#byChannels.set(channels.join(), roster);
    for (const channel of channels) {
      const rosters = this.#byChannel.get(channel);
      if (rosters === undefined) this.#byChannel.set(channel, [roster]);
      else rosters.push(roster);
    }
  }

  /**
   * Where a pack of these channels, ascending, belongs: a roster that is there, or the channels of one to be made. It is the
   * roster of just these channels, or one that they fill by half. Channels that come together ever differently would make
   * rosters without end; so once a channel is in many, any that has them all will do, or one grows.
   */
  choose(channels: readonly number[]): { readonly roster: number } | { readonly channels: readonly number[] } {
    const exact = this.#byChannels.get(channels.join());
    if (exact !== undefined) return { roster: exact };
    const known = this.#rostersOfBusiest(channels);
    const isBusy = known.length >= NARROW_ROSTERS_MAX;
    const widest = isBusy ? PACK_BLOCKS_MAX : channels.length * 2;
    let best: number | undefined;
    let bestSize = widest + 1;
    for (const roster of known) {
      const members = this.#members.get(roster) ?? [];
      if (members.length < bestSize && hasAll(members, channels)) {
        best = roster;
        bestSize = members.length;
      }
    }
    if (best !== undefined) return { roster: best };
    return { channels: isBusy ? this.#grown(known, channels) : channels };
  }

  #rostersOfBusiest(channels: readonly number[]): readonly number[] {
    let busiest: readonly number[] = [];
    for (const channel of channels) {
      const rosters = this.#byChannel.get(channel) ?? [];
      if (rosters.length > busiest.length) busiest = rosters;
    }
    return busiest;
  }

  /** The largest of `rosters` that has room, together with `channels`. */
  #grown(rosters: readonly number[], channels: readonly number[]): readonly number[] {
    let grown = channels;
    for (const roster of rosters) {
      const members = this.#members.get(roster) ?? [];
      if (members.length < grown.length) continue;
      const union = [...new Set([...members, ...channels])].sort((a, b) => a - b);
      if (union.length <= PACK_BLOCKS_MAX && union.length > grown.length) grown = union;
    }
    return grown;
  }
}

/** True where ascending `members` have all of ascending `channels`. */
function hasAll(members: readonly number[], channels: readonly number[]): boolean {
  let at = 0;
  for (const channel of channels) {
    while (at < members.length && (members[at] ?? 0) < channel) at += 1;
    if (members[at] !== channel) return false;
  }
  return true;
}
