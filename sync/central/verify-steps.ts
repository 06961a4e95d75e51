import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { DerivationTerms } from '../../gateway/store/derivation.ts';
import type { Peer, Refusal } from '../line/pull-line.ts';
import { type VerifiedPack, verifyPack } from './verified-pack.ts';

/** An item of a feed of which all that can be known without the store was found right. */
export type Step = Exclude<FeedItem, { kind: 'pack' }> | VerifiedPack;

/**
 * The items up to the first that is not what it should be.
 * @param isAhead true: they come ahead of their turn, in any order
 */
export function verifySteps(
  peer: Peer,
  items: readonly FeedItem[],
  isAhead = false,
): { steps: Step[]; refusal: Refusal | undefined } {
  const steps: Step[] = [];
  for (const item of items) {
    try {
      requireAscending(isAhead ? 0 : (steps.at(-1)?.position ?? 0), item.position);
      const step = item.kind === 'pack' ? verifyPack(item) : item;
      requireOwn(peer, gatewayOf(step));
      if (step.kind === 'gap') requireGap(step.gap);
      if (step.kind === 'given-up') for (const gap of step.gaps) requireGap(gap);
      if (step.kind === 'derivation') requireDerivation(step.derivation);
      steps.push(step);
    } catch (error) {
      if (error instanceof CaissonError) return { steps, refusal: { position: item.position, error, isAhead } };
      throw error;
    }
  }
  return { steps, refusal: undefined };
}

function requireAscending(last: number, position: number): void {
  if (position > last && Number.isSafeInteger(position)) return;
  throw new CaissonError('peer-invalid', `position ${position} follows ${last} in the feed, expected a greater one`);
}

/** A gateway speaks for itself only; a central for those it pulled from. */
export function requireOwn(peer: Peer, gateway: string): void {
  if (peer.role === 'central' || gateway === peer.gateway) return;
  throw new CaissonError('peer-invalid', `gateway ${peer.gateway} sent an item of gateway ${gateway}`);
}

function requireGap({ firstSequence, count, from, to }: Extract<FeedItem, { kind: 'gap' }>['gap']): void {
  const isRange = firstSequence >= 0 && count >= 0 && Number.isSafeInteger(firstSequence + count);
  if (isRange && Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to) return;
  throw new CaissonError(
    'peer-invalid',
    `a gap of ${count} samples from number ${firstSequence}, time ${from} to ${to}`,
  );
}

function requireDerivation({ version, made, spans }: DerivationTerms): void {
  const isNumbered = Number.isSafeInteger(version) && version > 0 && Number.isFinite(made);
  const inOrder = [spans.arrival, spans.device].every((all) =>
    all.every(({ from, to }, index) => from < to && (all[index - 1]?.to ?? Number.NEGATIVE_INFINITY) <= from),
  );
  if (isNumbered && inOrder) return;
  throw new CaissonError(
    'peer-invalid',
    `a derivation, version ${version}, made ${made}, of which the spans are not in order`,
  );
}

/** The gateway that an item is of. */
export function gatewayOf(step: Step): string {
  return step.kind === 'verified' ? step.header.gateway : step.gateway;
}
