import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type CaissonConfig, CONFIG_SCHEMA } from '../../gateway/commands/config.ts';
import { checkSource } from '../../gateway/commands/source-kinds.ts';
import { loadConfig } from '../../gateway/config/load-config.ts';
import { PROJECT_ROOT } from '../data-dir.ts';

const folder = join(PROJECT_ROOT, 'collectors');

for (const name of readdirSync(folder)) {
  const path = join(folder, name, 'README.md');
  if (!existsSync(path)) continue;
  t.test(`every sample config of collectors/${name} fits`, async (t) => {
    const samples = [...readFileSync(path, 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = '']) => yaml);
    for (const sample of samples.filter((yaml) => yaml.startsWith('sources:'))) {
      const { config, issues } = loadConfig(CONFIG_SCHEMA, sample, {
        // Whatever variable a sample names is set.
        env: new Proxy({}, { get: () => 'secret', has: () => true }),
        readFile: () => 'secret',
        resolvePath: (named) => named,
      });
      t.same(issues, [], sample);
      for (const [source, section] of Object.entries((config as CaissonConfig | undefined)?.sources ?? {})) {
        t.doesNotThrow(() => checkSource(source, section));
      }
    }
  });
}
