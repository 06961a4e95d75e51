import { type BootPlace, PLACE_BOOTS_MAX } from '../../gateway/store/feed.ts';
import type { PlaceMessage } from '../api/place-messages.ts';
import type { Peer } from './way.ts';

/** How far a feed was followed, in its order. */
export interface FollowedPlace {
  readonly feed: string;
  readonly after: number;
  /** The last boots of which the feed told up to `after`, at most PLACE_BOOTS_MAX; undefined: nobody knows. */
  readonly boots?: readonly BootPlace[];
}

export interface SetBackParts<Standing extends FollowedPlace> {
  readonly peer: Peer;
  readonly client: { place(position: number): Promise<PlaceMessage> };
  readonly sink: {
    resume(peer: Peer): Promise<Standing>;
    /** Goes back in a peer's feed to `position`; what came of it stays. */
    goBack?(peer: Peer, position: number): Promise<void>;
  };
  /** Told of what a person should know. */
  readonly onProblem?: ((text: string) => void) | undefined;
}

/**
 * Sees when the store at the other end was set back to an earlier copy of itself. Such a store goes on at the position where the copy ends,
 * with other things than those that were followed from there before. The first of them is a boot, because each start begins with one: so the
 * boots up to a position, and where they stand, tell the two apart, and say where they part. From there on the feed is followed anew; what is
 * here already stays, and what the copy had as well is kept once.
 */
export class SetBackWatch {
  /** Where it went back to: an item that is left out in the end, because it is refused, is no reason to go back again. */
  #wentBackTo = '';

  /** Where to go on with a peer's feed. */
  async standing<Standing extends FollowedPlace>(parts: SetBackParts<Standing>): Promise<Standing> {
    const { peer, client, sink, onProblem } = parts;
    const known = await sink.resume(peer);
    if (known.after === 0 || known.boots === undefined || sink.goBack === undefined) return known;
    const { feed, boots } = await client.place(known.after);
    const other = feed === known.feed ? firstOther(boots, known.boots) : undefined;
    if (other === undefined || other.boot === this.#wentBackTo) return known;
    this.#wentBackTo = other.boot;
    await sink.goBack(peer, other.position - 1);
    onProblem?.(
      `the store of ${peer.gateway} was set back to an earlier copy of itself: it had come to position ${known.after}, and began boot ${other.boot} at ${other.position}; it is followed from there, and what it lost stays here`,
    );
    return sink.resume(peer);
  }
}

/** The first boot of a feed that is not among those that were followed. */
export function firstOther(boots: readonly BootPlace[], known: readonly BootPlace[]): BootPlace | undefined {
  // Before the first of a full list there may have been more.
  const from = known.length < PLACE_BOOTS_MAX ? 0 : (known[0]?.position ?? 0);
  return boots
    .filter(({ position }) => position >= from)
    .find(({ boot, position }) => !known.some((each) => each.boot === boot && each.position === position));
}
