import { DiscardPolicy, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { NatsOptions, StreamBounds } from './nats-options.ts';
import type { NatsSubjects, StreamTopic } from './nats-subjects.ts';

/** How long messages are known again that were published twice, seconds. */
const DUPLICATES_S = 120;

type NamedStream = Partial<StreamConfig> & { readonly name: string };

/** Makes the streams of a central, or changes what they keep. @throws Error where the cluster cannot now */
export async function ensureStreams(
  manager: JetStreamManager,
  options: Pick<NatsOptions, 'replicas' | 'keep'>,
  subjects: NatsSubjects,
): Promise<void> {
  for (const config of streamsOf(options, subjects)) await ensureStream(manager, config);
}

function streamsOf({ replicas, keep }: Pick<NatsOptions, 'replicas' | 'keep'>, subjects: NatsSubjects): NamedStream[] {
  const stream = (topic: StreamTopic, more: Partial<StreamConfig>) => ({
    name: subjects.stream(topic),
    subjects: [subjects.all(topic)],
    num_replicas: replicas,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(DUPLICATES_S * 1e3),
    ...more,
  });
  const bounds = ({ bytesMax, ageSeconds }: StreamBounds) => {
    return { max_bytes: bytesMax, max_age: nanos(Math.max(ageSeconds, DUPLICATES_S) * 1e3) };
  };
  return [
    stream('samples', bounds(keep.samples)),
    stream('events', bounds(keep.events)),
    // Two: where the last one is lost that takes the place of another, that is there still.
    stream('places', { max_msgs_per_subject: 2 }),
  ];
}

async function ensureStream(manager: JetStreamManager, config: NamedStream): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    // There, but with other bounds; where it is not, this fails as well.
    await manager.streams.update(config.name, config).catch(() => {
      throw error;
    });
  }
}
