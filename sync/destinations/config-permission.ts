import type { Metadata } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import { callerOf } from '../trust/access-guard.ts';
import { destinationOf } from './caller.ts';
import type { DestinationsConfig } from './destination-config.ts';

/** Says which central asks for the config, where it may. @throws CaissonError `access-refused` */
export type ConfigPermission = (metadata: Metadata) => string;

/**
 * Who may see and offer a config: a central with a certificate of that name where the config of the box says `enrolled`, and where it says
 * `declared` also one that only says its name.
 * @param isSecure whether connections have certificates; otherwise what a caller says of itself is no proof
 */
export function configPermission(destinations: DestinationsConfig, isSecure: boolean): ConfigPermission {
  return (metadata) => {
    const caller = isSecure ? callerOf(metadata) : undefined;
    const isProven = caller?.role === 'central';
    const name = isProven ? caller.name : isSecure ? undefined : destinationOf(metadata);
    const permission = name === undefined ? undefined : destinations[name]?.config;
    if (name !== undefined && (permission === 'declared' || (permission === 'enrolled' && isProven))) return name;
    const who = name === undefined ? 'who says not which central it is' : `central ${name}`;
    throw new CaissonError('access-refused', `this box does not show or change its config for ${who}`, {
      hint:
        permission === 'enrolled'
          ? 'its config lets only a central with a certificate do so'
          : `where it shall, its caisson.yaml says so: destinations.${name ?? 'NAME'}.config: enrolled`,
    });
  };
}
