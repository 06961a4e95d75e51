import type { GatewayStatus, HandOverStatus } from '../../gateway/status.ts';

/** Where families of metrics are written. */
interface FamilyWriter {
  one(name: string, type: 'gauge' | 'counter', help: string, value: number): void;
  family(
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    samples: readonly [Readonly<Record<string, string>>, number][],
  ): void;
}

/** What is carried for others, and what others carry. */
export function relayFamilies(out: FamilyWriter, { relay, handovers = [] }: GatewayStatus): void {
  if (relay !== undefined) {
    const { bytes, bytesMax, answers, taken, passed, refused, destinations } = relay;
    out.one('caisson_relay_depot_bytes', 'gauge', 'Bytes in the depot, parts and answers included.', bytes);
    out.one('caisson_relay_depot_limit_bytes', 'gauge', 'Bytes that may be in the depot.', bytesMax);
    out.one('caisson_relay_answers', 'gauge', 'Answers that wait for those who sent the files.', answers);
    out.one('caisson_relay_taken_total', 'counter', 'Courier files that were taken for others.', taken);
    out.one('caisson_relay_passed_total', 'counter', 'Courier files that their centrals answered.', passed);
    const reasons = Object.entries(refused).map(([reason, count]): [{ reason: string }, number] => [{ reason }, count]);
    out.family(
      'caisson_relay_refused_total',
      'counter',
      'Courier files that were not taken or were given up, by reason.',
      reasons,
    );
    const waiting = destinations.map((each) => ({ labels: { central: each.central }, each }));
    out.family(
      'caisson_relay_files',
      'gauge',
      'Courier files that wait for a central.',
      waiting.map(({ labels, each }) => [labels, each.files]),
    );
    out.family(
      'caisson_relay_oldest_time_seconds',
      'gauge',
      'UTC at which the oldest of them came.',
      waiting.map(({ labels, each }) => [labels, each.oldest / 1e6]),
    );
  }
  const family = (name: string, type: 'gauge' | 'counter', help: string, of: (each: HandOverStatus) => number) =>
    out.family(
      `caisson_handover_${name}`,
      type,
      help,
      handovers.map((each) => [{ central: each.central, relay: each.relay }, of(each)]),
    );
  family('failing', 'gauge', 'Whether nothing can be handed to the relay.', ({ state }) => (state === 'fails' ? 1 : 0));
  family('files', 'gauge', 'Courier files without an answer.', ({ files }) => files);
  family('bytes', 'gauge', 'Bytes of them.', ({ bytes }) => bytes);
  family('handed_total', 'counter', 'Courier files that were handed over.', ({ handed }) => handed);
  family('answered_total', 'counter', 'Courier files that their central answered.', ({ answered }) => answered);
  family('again_total', 'counter', 'Courier files that were lost on the way or not believed.', ({ refused }) =>
    Object.values(refused).reduce((sum, count) => sum + count, 0),
  );
}
