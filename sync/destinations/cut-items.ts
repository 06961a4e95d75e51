import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';

/** True for a channel of a gateway that may go. */
export type AllowedNames = (gateway: string, name: string) => boolean;

/** An item with only what may go; nothing where nothing of it may. */
export function chosenOf(item: FeedItem, allows: AllowedNames): FeedItem[] {
  switch (item.kind) {
    case 'boot':
    case 'clock':
      return [item];
    case 'channel':
      return allows(item.gateway, item.definition.name) ? [item] : [];
    case 'gap':
      return allows(item.gateway, item.channel) ? [item] : [];
    case 'given-up': {
      const gaps = item.gaps.filter(({ channel }) => allows(item.gateway, channel));
      return gaps.length > 0 ? [{ ...item, gaps }] : [];
    }
    case 'derivation': {
      const channels = item.channels.filter((channel) => allows(item.gateway, channel));
      if (channels.length === item.channels.length) return [item];
      // The recipe may name what is withheld.
      const derivation = { ...item.derivation, recipe: { kind: item.derivation.recipe.kind } };
      return channels.length > 0 ? [{ ...item, channels, derivation }] : [];
    }
    case 'pack': {
      const bytes = cutPack(item.bytes, allows);
      return bytes === undefined ? [] : [{ ...item, bytes }];
    }
  }
}

/** @throws CaissonError `residency-violated` for an item that names a channel that may not go */
export function requireNames(item: FeedItem, allows: AllowedNames): void {
  for (const { gateway, channel } of channelsOf(item)) {
    if (allows(gateway, channel)) continue;
    throw new CaissonError('residency-violated', `item ${item.position} of the feed holds a channel that must stay`);
  }
}

/**
 * A pack with only the blocks that may go: the very bytes where all may, undefined where none may, or what may cannot be told because the bytes
 * are damaged: its samples do not come then, as those of a damaged pack that goes whole. The same input gives the same bytes.
 */
function cutPack(bytes: Uint8Array, allows: AllowedNames): Uint8Array | undefined {
  try {
    return cutOpened(Pack.open(bytes), bytes, allows);
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'block-invalid') return undefined;
    throw error;
  }
}

function cutOpened(pack: Pack, bytes: Uint8Array, allows: AllowedNames): Uint8Array | undefined {
  const chosen = pack.blocks.flatMap((block, index) => {
    return allows(pack.header.gateway, block.channel) ? [{ block, index }] : [];
  });
  if (chosen.length === pack.blocks.length) return bytes;
  if (chosen.length === 0) return undefined;
  const blocks = chosen.map(({ block: { channel, type, firstSequence }, index }) => {
    return { channel, type, firstSequence, ...pack.samples(index) };
  });
  return encodePack(pack.header, blocks);
}

/** Every channel that an item names. */
function channelsOf(item: FeedItem): { readonly gateway: string; readonly channel: string }[] {
  switch (item.kind) {
    case 'boot':
    case 'clock':
      return [];
    case 'channel':
      return [{ gateway: item.gateway, channel: item.definition.name }];
    case 'gap':
      return [{ gateway: item.gateway, channel: item.channel }];
    case 'given-up':
      return item.gaps.map(({ channel }) => ({ gateway: item.gateway, channel }));
    case 'derivation':
      return item.channels.map((channel) => ({ gateway: item.gateway, channel }));
    case 'pack': {
      const { header, blocks } = Pack.open(item.bytes);
      return blocks.map(({ channel }) => ({ gateway: header.gateway, channel }));
    }
  }
}
