import type { AskedTelemetry, PastVersion } from '../../gateway/query/telemetry.ts';
import type { ListVersionsRequestMessage, ListVersionsResponseMessage, VersionMessage } from './messages.ts';
import { decodeRecipe } from './recipe-text.ts';

/** UTF-16 units of one page; a longer version stands alone. */
const PAGE_UNITS_MAX = 1 << 20;

/** A version of the past as a client sees it: channels by name. */
export interface ListedVersion extends Omit<PastVersion, 'channels'> {
  readonly channels: readonly string[];
}

/** One page of versions. */
export async function answerListVersions(
  telemetry: AskedTelemetry,
  request: ListVersionsRequestMessage,
): Promise<ListVersionsResponseMessage> {
  const page: VersionMessage[] = [];
  let units = 0;
  let names: ReadonlyMap<number, string> | undefined;
  for (const version of await telemetry.versions()) {
    if (version.id <= request.after || (request.gateway !== '' && version.gateway !== request.gateway)) continue;
    names ??= new Map((await telemetry.channels()).map(({ id, name }) => [id, name]));
    const message = encodeVersion(version, names);
    units += JSON.stringify(message).length;
    if (units > PAGE_UNITS_MAX && page.length > 0) return { versions: page, more: true };
    page.push(message);
  }
  return { versions: page, more: false };
}

function encodeVersion(past: PastVersion, names: ReadonlyMap<number, string>): VersionMessage {
  const { id, gateway, boot, version, made, spans, channels, recipe } = past;
  const named = channels.map((channel) => names.get(channel) ?? '');
  return { id, gateway, boot, version, made, ...spans, channels: named, recipe: JSON.stringify(recipe) };
}

/** @throws CaissonError `peer-invalid` */
export function decodeVersion({ arrival, device, recipe, ...rest }: VersionMessage): ListedVersion {
  return { ...rest, spans: { arrival, device }, recipe: decodeRecipe(recipe) };
}
