import { CaissonError } from '../../gateway/errors.ts';
import { ChannelTemplate, DEFAULT_TEMPLATE } from '../line-protocol/channel-template.ts';
import type { LineSettings } from '../line-protocol/line-config.ts';
import type { Timestamp, TopicRule } from './config.ts';

/** How the messages of one topic are read. */
export interface TopicPlan {
  /** Channel of the payload itself; its fields are below. */
  readonly name: string;
  readonly payload: TopicRule['payload'];
  readonly unit: string;
  readonly timestamp: Timestamp;
  readonly line: LineSettings;
}

interface CompiledRule {
  readonly levels: readonly string[];
  readonly rule: TopicRule;
}

/** Of topics without a rule, which are never read as lines. */
const NO_LINES: LineSettings = { precision: 'ns', channel: DEFAULT_TEMPLATE };

/** The rules of a source, in order; the first that matches a topic counts. */
export class TopicRules {
  readonly #rules: readonly CompiledRule[];
  readonly #prefix: string;

  /**
   * @param prefix put before every channel name
   * @throws CaissonError `config-invalid` for a filter or name template that cannot be
   */
  constructor(rules: readonly TopicRule[], prefix: string) {
    this.#rules = rules.map(compile);
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
  }

  /** What applies to `topic`; a topic without a rule is read as `auto` under its own name. */
  plan(topic: string): TopicPlan {
    const levels = topic.split('/');
    for (const { levels: filter, rule } of this.#rules) {
      const captures = matchFilter(filter, levels);
      if (captures === undefined) continue;
      const { payload, unit, timestamp, line } = rule;
      return { name: this.#prefix + fill(rule.channel, topic, captures), payload, unit, timestamp, line };
    }
    return { name: this.#prefix + topic, payload: 'auto', unit: '', timestamp: 'arrival', line: NO_LINES };
  }
}

/** What the wildcards of a filter stood for. */
export interface Captures {
  /** One a `+`, in order. */
  readonly single: readonly string[];
  /** What `#` stood for, levels joined; empty when it stood for nothing. */
  readonly rest: string;
}

/** Matches a topic against a filter, both split into levels (MQTT-4.7); undefined when it does not match. */
export function matchFilter(filter: readonly string[], topic: readonly string[]): Captures | undefined {
  const first = filter[0];
  if ((first === '+' || first === '#') && topic[0]?.startsWith('$')) return undefined;
  const single: string[] = [];
  for (const [index, level] of filter.entries()) {
    if (level === '#') return { single, rest: topic.slice(index).join('/') };
    const met = topic[index];
    if (met === undefined) return undefined;
    if (level === '+') single.push(met);
    else if (level !== met) return undefined;
  }
  return filter.length === topic.length ? { single, rest: '' } : undefined;
}

const PLACEHOLDER = /\{([^{}]*)\}/g;

function fill(template: string, topic: string, captures: Captures): string {
  return template.replace(PLACEHOLDER, (_, key: string) => {
    if (key === 'topic') return topic;
    return key === '#' ? captures.rest : (captures.single[Number(key) - 1] ?? '');
  });
}

/**
 * Levels of a topic filter (MQTT-4.7).
 * @throws CaissonError `config-invalid` for one with misplaced wildcards, and for a shared subscription
 */
export function filterLevels(filter: string): readonly string[] {
  const levels = filter.split('/');
  for (const [index, level] of levels.entries()) {
    const misplaced = level === '#' ? index !== levels.length - 1 : level !== '+' && /[#+\0]/.test(level);
    if (misplaced) {
      throw invalid(
        `filter ${filter} has a wildcard inside a level or behind it`,
        '`+` is a whole level, `#` the last',
      );
    }
  }
  if (levels[0] === '$share') throw invalid(`filter ${filter} is a shared subscription`, 'leave `$share/group/` out');
  return levels;
}

function compile(rule: TopicRule): CompiledRule {
  const levels = filterLevels(rule.filter);
  const plus = levels.filter((level) => level === '+').length;
  for (const [whole, key = ''] of rule.channel.matchAll(PLACEHOLDER)) {
    const known =
      key === 'topic' || (key === '#' ? levels.includes('#') : /^[1-9]\d*$/.test(key) && Number(key) <= plus);
    if (!known) {
      throw invalid(
        `channel ${rule.channel} names ${whole}, which filter ${rule.filter} does not give`,
        'see the README',
      );
    }
  }
  if (rule.payload === 'line') new ChannelTemplate(rule.line.channel);
  return { levels, rule };
}

function invalid(message: string, hint: string): CaissonError {
  return new CaissonError('config-invalid', `mqtt: ${message}`, { hint });
}
