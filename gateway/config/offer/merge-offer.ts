import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap } from 'yaml';
import { CaissonError } from '../../errors.ts';
import { dotted } from '../yaml-source.ts';
import { KEPT_ON_BOX, keyOf, parseConfigYaml, redactedYaml, scalarsOf } from './private-yaml.ts';

/** Sections that only the box itself decides: who it is, whom it lets in, where it goes and what leaves. */
export const OWN_SECTIONS: readonly string[] = ['gateway', 'grpc', 'central', 'destinations'];

/** Keys that say where a source connects to: a secret goes nowhere else than before. */
const ADDRESS_KEYS = ['type', 'host', 'port', 'listen', 'url', 'tls'] as const;

/**
 * The config that an offer makes of the one that runs. A section that the offer has stands in the place of the old one, what it
 * leaves out stays; secrets stay on the box.
 *
 * @returns YAML, with the comments of the box where a section stays
 * @throws CaissonError `offer-refused` for what an offer may not change, `config-invalid` for what is no config
 */
export function mergeOffer(running: string, offered: string, secretKeys: ReadonlySet<string>): string {
  const [before, offer] = [parseConfigYaml(running), parseConfigYaml(offered)];
  const seen = plain(parseConfigYaml(redactedYaml(running, secretKeys)));
  const wanted = plain(offer);
  refuseOwnSections(wanted, seen);
  if ('store' in wanted && !isDeepStrictEqual(partOf(wanted.store, 'dir'), partOf(seen.store, 'dir'))) {
    throw refusal('store.dir', 'what is kept stays where it is');
  }
  refuseMovedSecrets(before, offer, secretKeys);
  keepSecrets(before, offer, secretKeys);
  if (!isMap(before.contents)) return offer.toString({ lineWidth: 0 });
  // Nodes have no aliases, which were refused, and so belong to no document.
  if (isMap(offer.contents)) for (const pair of offer.contents.items) before.contents.set(keyOf(pair), pair.value);
  return before.toString({ lineWidth: 0 });
}

/** An offer may repeat what only the box decides, as it was shown; it may not change it. */
function refuseOwnSections(wanted: Sections, seen: Sections): void {
  for (const section of OWN_SECTIONS) {
    if (section in wanted && !isDeepStrictEqual(wanted[section], seen[section])) {
      throw refusal(section, 'only the box itself decides that');
    }
  }
}

/** What lies on the box is named only where it is named already, and goes only where it went before. */
function refuseMovedSecrets(before: Document, offer: Document, secretKeys: ReadonlySet<string>): void {
  const known = new Map<string, unknown>();
  for (const { pointer, scalar, isSecret, refers } of scalarsOf(before.contents, secretKeys)) {
    if (isSecret || refers) known.set(pointer, scalar.value);
  }
  for (const { pointer, scalar, refers } of scalarsOf(offer.contents, secretKeys)) {
    const isKept = scalar.value === KEPT_ON_BOX;
    if (!refers && !isKept) continue;
    if (!known.has(pointer) || (!isKept && known.get(pointer) !== scalar.value)) {
      throw refusal(dotted(pointer), 'a secret of the box may stand only where the running config has it');
    }
    const [, section, name] = pointer.split('/');
    if (section !== 'sources' || name === undefined) continue;
    for (const key of ADDRESS_KEYS) {
      const [from, to] = [before, offer].map((document) => plainAt(document, [section, name, key]));
      if (!isDeepStrictEqual(from, to)) throw refusal(`sources.${name}.${key}`, 'its secret would go elsewhere');
    }
  }
}

function keepSecrets(before: Document, offer: Document, secretKeys: ReadonlySet<string>): void {
  const own = new Map([...scalarsOf(before.contents, secretKeys)].map(({ pointer, scalar }) => [pointer, scalar]));
  for (const { pointer, scalar } of scalarsOf(offer.contents, secretKeys)) {
    const kept = scalar.value === KEPT_ON_BOX ? own.get(pointer) : undefined;
    if (kept === undefined) continue;
    scalar.value = kept.value;
    if (kept.type !== undefined) scalar.type = kept.type;
  }
}

type Sections = Readonly<Record<string, unknown>>;

function plain(document: Document): Sections {
  return (document.toJS() ?? {}) as Sections;
}

function plainAt(document: Document, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => partOf(value, key), plain(document));
}

function partOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Sections)[key] : undefined;
}

function refusal(path: string, why: string): CaissonError {
  return new CaissonError('offer-refused', `an offered config may not change ${path}: ${why}`);
}
