import type { CollectorHealth } from '../../../collectors/collector.ts';
import { BoxClock } from '../../clock.ts';
import { DiscardingIntake } from '../../discarding-intake.ts';
import { loadCollector } from '../source-collectors.ts';
import type { SourceConfig } from '../source-kinds.ts';

/** Time between two looks at how a collector does, milliseconds. */
const LOOK_MS = 50;

/**
 * Runs a source as the gateway would, but keeps nothing of it, until `isDone` or for so long. Only for sources that ask or
 * listen at a wire: what acknowledges to a sender must not be run so.
 */
export async function tryCollector(
  source: string,
  config: SourceConfig,
  limitMs: number,
  isDone: (health: CollectorHealth) => boolean,
): Promise<CollectorHealth> {
  const box = new BoxClock(BoxClock.startingAt(Date.now() * 1e3, 0));
  const clock = { now: () => box.now(), observe: () => {} };
  const create = await loadCollector(config);
  const collector = create({ source, intake: new DiscardingIntake(), clock });
  await collector.start();
  try {
    for (let looks = Math.ceil(limitMs / LOOK_MS); looks > 0 && !isDone(collector.health()); looks -= 1) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return collector.health();
  } finally {
    await collector.stop();
  }
}
