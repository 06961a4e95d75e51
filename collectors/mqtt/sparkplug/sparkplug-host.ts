import { Field } from '../../payload/field.ts';
import { PayloadError } from '../../payload/payload-error.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import { metricUnit, metricValue } from './metric-value.ts';
import { decodeSparkplug, isSent, type Metric, type SparkplugPayload, unsigned } from './sparkplug-payload.ts';
import { parseSparkplugTopic, type SparkplugTopic } from './sparkplug-topic.ts';

/** Edge nodes of one host. Beyond: bad input, reason `sparkplug-full`. */
export const NODES_MAX = 1024;
/** Metrics of all births of one node. Beyond: bad input, reason `sparkplug-full`. */
export const NODE_METRICS_MAX = 65_536;
/** Least time between two requests for the births of a node, microseconds. */
const REBIRTH_INTERVAL_US = 5e6;
const SEQUENCES = 256;
/** Metrics that say something of the session and are no quantity. */
const SESSION_METRIC = 'bdSeq';
const CONTROL_PREFIX = /^(?:Node|Device) Control\//;

/** A metric that a birth declared. */
interface BornMetric {
  readonly name: string;
  readonly datatype: number;
  readonly field: Field;
}

/** What a birth declared: the metrics of a node itself, or of one device. */
interface Birth {
  readonly byName: Map<string, BornMetric>;
  isOnline: boolean;
}

interface EdgeNode {
  /** Sequence number of the last message. */
  seq: number;
  bdSeq: number | undefined;
  isOnline: boolean;
  readonly own: Birth;
  readonly devices: Map<string, Birth>;
  /** Aliases are those of a node with all of its devices. */
  byAlias: Map<number, BornMetric>;
  metrics: number;
}

/** Asks a node for its births. */
export type OnRebirth = (group: string, node: string) => void;

/**
 * The host's side of Sparkplug B 3.0: follows births, data and deaths of edge nodes and devices, and turns metrics into
 * samples. A message that does not follow the one before, or that speaks of what was not born, makes it ask for the births
 * again. Channels are `<group>/<node>[/<device>]/<metric>`, and `.../state` which is `online` or `offline`.
 */
export class SparkplugHost {
  readonly #root: Field;
  readonly #onRebirth: OnRebirth;
  readonly #nodes = new Map<string, EdgeNode>();
  /** When each node was asked for its births, box time. */
  readonly #asked = new Map<string, number>();

  /** @param prefix put before every channel name */
  constructor(prefix: string, onRebirth: OnRebirth) {
    // Births bound the number of fields.
    this.#root = new Field(prefix, () => {});
    this.#onRebirth = onRebirth;
  }

  /** Nodes that are online. */
  get online(): number {
    let online = 0;
    for (const node of this.#nodes.values()) if (node.isOnline) online++;
    return online;
  }

  /**
   * Reads a message of the namespace into `batch`; what says nothing to a host gives no samples.
   * @param now box time, microseconds
   * @param isAgain true when the same message was read just before, and could not be stored
   * @throws PayloadError `sparkplug-invalid`, `sparkplug-unborn`, `sparkplug-repeat`, `sparkplug-full`
   */
  read(topic: string, bytes: Uint8Array, batch: SampleBatch, now: number, isAgain: boolean): void {
    const place = parseSparkplugTopic(topic);
    if (place === undefined) return;
    const payload = decodeSparkplug(bytes);
    switch (place.type) {
      case 'NBIRTH':
        this.#bearNode(place, payload, batch);
        return;
      case 'NDEATH':
        this.#buryNode(place, payload, batch);
        return;
      default:
    }
    const node = this.#nodes.get(keyOf(place));
    if (node === undefined || !node.isOnline) {
      this.#askRebirth(place, now);
      throw new PayloadError('sparkplug-unborn', `${place.type} of a node without birth`);
    }
    if (!isAgain) this.#follow(node, place, payload, batch, now);
    if (place.type === 'DBIRTH') this.#bearDevice(node, place, payload, batch);
    else if (place.type === 'DDEATH') this.#buryDevice(node, place, batch);
    else this.#data(node, place, payload, batch, now);
  }

  #bearNode(place: SparkplugTopic, payload: SparkplugPayload, batch: SampleBatch): void {
    const seq = sequenceOf(payload);
    const key = keyOf(place);
    const before = this.#nodes.get(key);
    if (before === undefined && this.#nodes.size >= NODES_MAX) {
      throw new PayloadError('sparkplug-full', `more than ${NODES_MAX} nodes`);
    }
    const session = payload.metrics.find(({ name }) => name === SESSION_METRIC);
    const node: EdgeNode = {
      seq,
      bdSeq: session === undefined ? undefined : sessionNumber(session),
      isOnline: true,
      own: { byName: new Map(), isOnline: true },
      devices: new Map(),
      byAlias: new Map(),
      metrics: 0,
    };
    this.#asked.delete(key);
    this.#bear(node, node.own, this.#fieldOf(place), payload, batch);
    this.#nodes.set(key, node);
    // Devices are born again after their node; those that are not have gone.
    for (const device of before?.devices.keys() ?? []) this.#state({ ...place, device }, 'offline', batch);
    this.#state(place, 'online', batch);
  }

  #bearDevice(node: EdgeNode, place: SparkplugTopic, payload: SparkplugPayload, batch: SampleBatch): void {
    const birth: Birth = { byName: new Map(), isOnline: true };
    this.#bear(node, birth, this.#fieldOf(place), payload, batch);
    node.devices.set(place.device ?? '', birth);
    this.#state(place, 'online', batch);
  }

  /** Declares the metrics of a birth, whose values are samples as well. */
  #bear(node: EdgeNode, birth: Birth, root: Field, payload: SparkplugPayload, batch: SampleBatch): void {
    for (const metric of payload.metrics) {
      const { name = '', datatype = 0 } = metric;
      if (name === '') {
        batch.fault('sparkplug-metric', 'a metric of a birth has no name');
        continue;
      }
      if (++node.metrics > NODE_METRICS_MAX) {
        throw new PayloadError('sparkplug-full', `more than ${NODE_METRICS_MAX} metrics of one node`);
      }
      const field = root.child(name);
      field.unit = metricUnit(metric);
      const born: BornMetric = { name, datatype, field };
      birth.byName.set(name, born);
      if (isSent(metric, 'alias')) node.byAlias.set(unsigned(metric.alias ?? 0), born);
      addSample(metric, born, payload, batch);
    }
  }

  #data(node: EdgeNode, place: SparkplugTopic, payload: SparkplugPayload, batch: SampleBatch, now: number): void {
    const birth = place.device === undefined ? node.own : node.devices.get(place.device);
    if (birth === undefined || !birth.isOnline) {
      this.#askRebirth(place, now);
      throw new PayloadError('sparkplug-unborn', `${place.type} of a device without birth`);
    }
    for (const metric of payload.metrics) {
      const isNamed = metric.name !== undefined && metric.name !== '';
      const alias = unsigned(metric.alias ?? 0);
      const born = isNamed ? birth.byName.get(metric.name ?? '') : node.byAlias.get(alias);
      if (born === undefined) {
        batch.fault('sparkplug-metric', `${isNamed ? metric.name : `alias ${alias}`} is in no birth`);
        this.#askRebirth(place, now);
      } else {
        addSample(metric, born, payload, batch);
      }
    }
  }

  /** A death tells of the session that its birth began; one of a session before it comes late and says nothing. */
  #buryNode(place: SparkplugTopic, payload: SparkplugPayload, batch: SampleBatch): void {
    const node = this.#nodes.get(keyOf(place));
    if (node === undefined) return;
    const session = payload.metrics.find(({ name }) => name === SESSION_METRIC);
    const bdSeq = session === undefined ? undefined : sessionNumber(session);
    if (bdSeq !== undefined && node.bdSeq !== undefined && bdSeq !== node.bdSeq) return;
    node.isOnline = false;
    for (const [device, birth] of node.devices) {
      if (birth.isOnline) this.#state({ ...place, device }, 'offline', batch);
      birth.isOnline = false;
    }
    this.#state(place, 'offline', batch);
  }

  #buryDevice(node: EdgeNode, place: SparkplugTopic, batch: SampleBatch): void {
    const birth = node.devices.get(place.device ?? '');
    if (birth !== undefined) birth.isOnline = false;
    this.#state(place, 'offline', batch);
  }

  /** Looks whether a message is the next one of its node; what it says counts also where others before it are missing. */
  #follow(node: EdgeNode, place: SparkplugTopic, payload: SparkplugPayload, batch: SampleBatch, now: number): void {
    const seq = sequenceOf(payload);
    if (seq === node.seq) throw new PayloadError('sparkplug-repeat', `${place.type} with seq ${seq} once more`);
    const expected = (node.seq + 1) % SEQUENCES;
    node.seq = seq;
    if (seq === expected) return;
    batch.fault('sparkplug-sequence', `${place.type} of ${keyOf(place)} has seq ${seq}, expected ${expected}`);
    this.#askRebirth(place, now);
  }

  #askRebirth(place: SparkplugTopic, now: number): void {
    const key = keyOf(place);
    const asked = this.#asked.get(key);
    if (asked !== undefined && now - asked < REBIRTH_INTERVAL_US) return;
    if (asked === undefined && this.#asked.size >= NODES_MAX) this.#asked.clear();
    this.#asked.set(key, now);
    this.#onRebirth(place.group, place.node);
  }

  /** Stamped when it is heard of: a death was written when its node connected. */
  #state(place: SparkplugTopic, state: 'online' | 'offline', batch: SampleBatch): void {
    batch.stamp = 'arrival';
    batch.addText(this.#fieldOf(place).child('state'), 0, state);
  }

  #fieldOf({ group, node, device }: SparkplugTopic): Field {
    const field = this.#root.child(group).child(node);
    return device === undefined ? field : field.child(device);
  }
}

/** A birth may begin anywhere (tck-id-payloads-nbirth-seq); what follows counts on from there. */
function sequenceOf({ seq }: SparkplugPayload): number {
  if (seq === undefined || seq >= SEQUENCES) throw new PayloadError('sparkplug-invalid', `seq ${seq} is not 0 to 255`);
  return seq;
}

function keyOf({ group, node }: SparkplugTopic): string {
  return `${group}/${node}`;
}

function sessionNumber(metric: Metric): number | undefined {
  const value = metricValue(metric, 0);
  return typeof value === 'number' ? value : undefined;
}

function addSample(
  metric: Metric,
  { name, datatype, field }: BornMetric,
  payload: SparkplugPayload,
  batch: SampleBatch,
): void {
  if (name === SESSION_METRIC || CONTROL_PREFIX.test(name)) return;
  const value = metricValue(metric, datatype);
  if (value === undefined) {
    batch.fault('sparkplug-kind', `${name} is a data set, template or extension`);
    return;
  }
  if (value === null) return;
  const ms = isSent(metric, 'timestamp') ? unsigned(metric.timestamp ?? 0) : payload.timestampMs;
  const isTimed = isTime(ms);
  batch.stamp = isTimed ? 'device' : 'arrival';
  const time = isTimed ? ms * 1e3 : 0;
  if (typeof value === 'string') batch.addText(field, time, value);
  else batch.add(field, typeof value === 'boolean' ? KIND_BOOL : KIND_NUMBER, time, Number(value));
}

/** A time that can be one: some edge nodes send 0 before they know it. */
function isTime(ms: number | undefined): ms is number {
  return ms !== undefined && ms > 0 && Number.isSafeInteger(ms * 1e3);
}
