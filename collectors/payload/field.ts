import type { Channel, ChannelSpec, Stamp } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import { KIND_BOOL, KIND_NUMBER, KIND_TEXT, type SampleKind } from './sample-kind.ts';

/** Told of every field that is made, so that the owner of all fields can keep their number bounded. */
export type OnField = () => void;

/**
 * One place in a payload that gives samples: the payload itself, a JSON field, a channel of a packed frame. It remembers
 * its children and its channels, so that a known message is read without building a name.
 */
export class Field {
  readonly path: string;
  readonly #onField: OnField;
  readonly #channels: (Channel | undefined)[] = [];
  #stamp: Stamp | undefined;
  #text: boolean | undefined;
  #children: Map<string, Field> | undefined;
  /** Scale of a packed channel: value = integer * gain + offset. */
  scale: { readonly gain: number; readonly offset: number } | undefined;

  /** Unit of its number channels, where the payload tells it. */
  unit = '';

  constructor(path: string, onField: OnField) {
    this.path = path;
    this.#onField = onField;
    onField();
  }

  /** The field below, made if it is new. An empty key is this field. */
  child(key: string): Field {
    if (key === '') return this;
    this.#children ??= new Map();
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new Field(`${this.path}/${key}`, this.#onField);
      this.#children.set(key, child);
    }
    return child;
  }

  /**
   * The channel for samples of that kind and stamp. A field keeps the type and stamp of its first sample: text behind
   * numbers goes to `<name>/text`, and a sample with the other kind of time to `<name>/device` or `<name>/arrival`, so
   * that nothing is lost and no channel changes its meaning. Numbers behind text become text.
   */
  channel(sink: SampleSink, kind: SampleKind, stamp: Stamp, unit: string, source: string): Channel {
    const slot = slotOf(kind, stamp);
    let channel = this.#channels[slot];
    if (channel === undefined) {
      channel = this.#resolve(sink, kind, { name: this.path, stamp, unit: this.unit || unit, source });
      this.#channels[slot] = channel;
    }
    return channel;
  }

  #resolve(sink: SampleSink, kind: SampleKind, base: ChannelSpec & { stamp: Stamp; unit: string }): Channel {
    const { stamp } = base;
    this.#stamp ??= stamp;
    this.#text ??= kind === KIND_TEXT;
    const name = stamp === this.#stamp ? this.path : `${this.path}/${stamp}`;
    if (kind !== KIND_TEXT && this.#text) return this.channel(sink, KIND_TEXT, stamp, base.unit, base.source);
    if (kind === KIND_TEXT) {
      const channel = this.#text ? sink.channel({ ...base, name, type: 'text', unit: '' }) : undefined;
      if (channel?.type === 'text') return channel;
      return sink.channel({ ...base, name: `${name}/text`, type: 'text', unit: '' });
    }
    // A channel that has had numbers stays a number channel when a boolean comes along.
    const numbers = this.#channels[slotOf(KIND_NUMBER, stamp)];
    if (numbers !== undefined) return numbers;
    if (kind === KIND_BOOL) return sink.channel({ ...base, name, type: 'bool', unit: '' });
    return sink.channel({
      ...base,
      name,
      type: 'number',
      ...(this.scale === undefined ? {} : { scale: this.scale }),
    });
  }
}

function slotOf(kind: SampleKind, stamp: Stamp): number {
  return kind * 2 + (stamp === 'device' ? 1 : 0);
}
