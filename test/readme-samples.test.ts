import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { readConfigFile } from '../gateway/commands/config.ts';
import { PROJECT_ROOT } from './data-dir.ts';
import { SqlRig } from './gateway/query/sql/sql-rig.ts';
import { sourceFiles } from './imports.ts';

const documents = ['README.md', ...sourceFiles(PROJECT_ROOT, ['collectors'], ['README.md'])];

/** The least that a DBC file must hold. */
const DBC = 'BU_: Ecu\nBO_ 256 Engine: 8 Ecu\n SG_ Speed : 0|16@1+ (0.25,0) [0|0] "rpm" Ecu\n';

/** Every variable of the environment that a config asks for. */
function secretsOf(config: string): Record<string, string> {
  return Object.fromEntries([...config.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, 'secret']));
}

for (const document of documents) {
  const text = readFileSync(join(PROJECT_ROOT, document), 'utf8');
  const samples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, sample = '']) => sample);

  t.test(`every sample config of ${document} fits, as caisson check says it`, async (t) => {
    t.ok(samples.length > 0, `${samples.length} samples`);
    for (const [index, sample] of samples.entries()) {
      const folder = t.testdir();
      for (const [dbc] of sample.matchAll(/[\w./-]+\.dbc\b/g)) {
        mkdirSync(dirname(join(folder, dbc)), { recursive: true });
        writeFileSync(join(folder, dbc), DBC);
      }
      writeFileSync(join(folder, 'caisson.yaml'), sample);
      Object.assign(process.env, secretsOf(sample));
      t.same(readConfigFile(join(folder, 'caisson.yaml')).issues, [], `sample ${index + 1}`);
    }
  });
}

t.test('every SQL statement of README.md runs, and narrows what it reads of samples', async (t) => {
  const text = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  const samples = [...text.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sample = '']) => sample);
  const statements = samples.flatMap((sample) => sample.split(/;\n/)).filter((statement) => statement.trim() !== '');
  t.ok(statements.length > 0);
  const rig = new SqlRig(['car1/gnss/speed', 'other'], (store) => {
    store.ring.writeSample(1, 5000, 1);
    store.ring.writeSample(2, 5000, 1);
    store.commit();
  });
  for (const statement of statements) t.equal(rig.run(statement).read.samples, 0, statement);
  rig.dispose();
});
