import type { Holder } from '../../../hardware/host/open-files.ts';

/** What a process is called: `minicom`, `python3 logger.py`. */
export function programText({ name, script }: Holder): string {
  return script === undefined ? name : `${name} ${script}`;
}

/** A process for people: `minicom (process 9 of user pit)`, `gpsd (process 9 of user gpsd, unit gpsd.service)`. */
export function holderText(holder: Holder): string {
  const { pid, user, unit } = holder;
  const of = `process ${pid}${user === undefined ? '' : ` of user ${user}`}`;
  return `${programText(holder)} (${of}${unit === undefined ? '' : `, unit ${unit}`})`;
}
