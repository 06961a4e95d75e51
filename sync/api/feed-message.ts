import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import { decodeDefinition, encodeDefinition } from './channel-message.ts';
import type { FeedItemMessage } from './messages.ts';
import { decodeRecipe } from './recipe-text.ts';
import { CLOCK_SOURCE_NAMES, present } from './wire-names.ts';

export function encodeFeedItem(item: FeedItem): FeedItemMessage {
  const { position } = item;
  switch (item.kind) {
    case 'boot':
      return {
        position,
        boot: { gateway: item.gateway, boot: item.boot, started: item.started, origin: item.origin ?? '' },
      };
    case 'channel':
      return { position, channel: { gateway: item.gateway, definition: encodeDefinition(item.definition) } };
    case 'clock': {
      const { gateway, boot, reading } = item;
      const { time, offset, error } = reading;
      const source = CLOCK_SOURCE_NAMES.toWire[reading.source];
      return { position, clock: { gateway, boot, time, offset, error, source } };
    }
    case 'pack':
      return { position, pack: item.bytes };
    case 'gap': {
      const { gateway, boot, channel, gap } = item;
      return { position, gap: { gateway, boot, channel, ...gap } };
    }
    case 'given-up':
      return { position, givenUp: { gateway: item.gateway, boot: item.boot, runs: item.gaps } };
    case 'derivation': {
      const { gateway, boot, channels, derivation } = item;
      const { version, made, spans, recipe } = derivation;
      const { arrival, device } = spans;
      const terms = { version, made, arrival, device, recipe: JSON.stringify(recipe) };
      return { position, derivation: { gateway, boot, channels, ...terms } };
    }
  }
}

/** @throws CaissonError `peer-invalid` for an item of no known kind */
export function decodeFeedItem(message: FeedItemMessage): FeedItem {
  const { position } = message;
  if (message.pack !== undefined) return { kind: 'pack', position, bytes: message.pack };
  if (message.boot !== undefined) {
    const { gateway, boot, started, origin } = message.boot;
    return { kind: 'boot', position, gateway, boot, started, ...(origin === '' ? {} : { origin }) };
  }
  if (message.channel !== undefined) {
    const { gateway, definition } = message.channel;
    return {
      kind: 'channel',
      position,
      gateway,
      definition: decodeDefinition(present(definition, 'definition of a channel')),
    };
  }
  if (message.clock !== undefined) {
    const { gateway, boot, time, offset, error, source } = message.clock;
    const reading = { time, offset, error, source: CLOCK_SOURCE_NAMES.fromWire(source) };
    return { kind: 'clock', position, gateway, boot, reading };
  }
  if (message.gap !== undefined) {
    const { gateway, boot, channel, ...gap } = message.gap;
    return { kind: 'gap', position, gateway, boot, channel, gap };
  }
  if (message.givenUp !== undefined) {
    const { gateway, boot, runs } = message.givenUp;
    return { kind: 'given-up', position, gateway, boot, gaps: runs };
  }
  if (message.derivation !== undefined) {
    const { gateway, boot, version, made, arrival, device, channels, recipe } = message.derivation;
    const derivation = { version, made, spans: { arrival, device }, recipe: decodeRecipe(recipe) };
    return { kind: 'derivation', position, gateway, boot, channels, derivation };
  }
  throw new CaissonError('peer-invalid', `item ${position} of the feed is of no kind known here`, {
    hint: 'the other end may run a later version',
  });
}
