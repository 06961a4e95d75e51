import t from 'tap';
import { brokenRule, findCycles, relativeImports } from './imports.ts';

const forms: [name: string, text: string, targets: string[]][] = [
  ['an import', `import { a } from './a.ts';`, ['sync/api/a.ts']],
  ['a type import', `import type { A } from '../a.ts';`, ['sync/a.ts']],
  ['an import for its effect', `import './a.ts';`, ['sync/api/a.ts']],
  ['a re-export', `export { a } from './a.ts';\nexport * from './b.ts';`, ['sync/api/a.ts', 'sync/api/b.ts']],
  ['a type re-export', `export type { A } from './a.ts';`, ['sync/api/a.ts']],
  ['a call', `const a = await import('../../gateway/a.ts');`, ['gateway/a.ts']],
  ['an import type', `let a: import('./a.ts').A;`, ['sync/api/a.ts']],
  ['a worker', `new Worker(new URL('./a.ts', import.meta.url), { name: 'a' });`, ['sync/api/a.ts']],
  ['an import over several lines', `import {\n  a,\n  b,\n} from './a.ts';`, ['sync/api/a.ts']],
  ['no package', `import t from 'tap';\nimport { join } from 'node:path';`, []],
  ['no comment', `// import './a.ts'\n/* import './b.ts' */`, []],
  ['no text', `const a = "import './a.ts'"; const b = \`import './a.ts'\`;`, []],
  ['no URL of elsewhere', `new URL('./a', 'http://host/');`, []],
];
for (const [name, text, targets] of forms) {
  t.test(`reads ${name}`, async (t) => {
    t.same(
      relativeImports('sync/api/x.ts', text).map(({ to }) => to),
      targets,
    );
  });
}

t.test('names the line an import ends on', async (t) => {
  t.equal(relativeImports('a.ts', `\nimport {\n  b,\n} from './b.ts';`)[0]?.line, 4);
});

const arrows: [from: string, to: string, allowed: boolean][] = [
  ['hardware/can/a.ts', 'hardware/serial/b.ts', true],
  ['hardware/can/a.ts', 'gateway/clock.ts', false],
  ['gateway/ring.ts', 'gateway/store/a.ts', true],
  ['gateway/ring.ts', 'hardware/host/a.ts', false],
  ['gateway/ring.ts', 'collectors/collector.ts', false],
  ['gateway/ring.ts', 'gateway/commands/run.ts', false],
  ['gateway/main.ts', 'gateway/commands/run.ts', true],
  ['gateway/commands/run.ts', 'dashboards/server/a.ts', true],
  ['gateway/commands/run.ts', 'test/a.ts', false],
  ['collectors/can/a.ts', 'hardware/can/b.ts', true],
  ['collectors/can/a.ts', 'gateway/intake.ts', true],
  ['collectors/can/a.ts', 'gateway/commands/run.ts', false],
  ['collectors/can/a.ts', 'sync/api/b.ts', false],
  ['sync/api/a.ts', 'gateway/channel.ts', true],
  ['sync/api/a.ts', 'hardware/a.ts', false],
  ['sync/api/a.ts', 'dashboards/wire.ts', false],
  ['dashboards/server/a.ts', 'dashboards/wire.ts', true],
  ['dashboards/server/a.ts', 'gateway/channel.ts', true],
  ['dashboards/server/a.ts', 'dashboards/web/b.ts', false],
  ['dashboards/server/a.ts', 'collectors/a.ts', false],
  ['dashboards/web/a.ts', 'dashboards/wire.ts', true],
  ['dashboards/web/a.ts', 'dashboards/web/ui/b.tsx', true],
  ['dashboards/web/a.ts', 'dashboards/server/b.ts', false],
  ['dashboards/web/a.ts', 'gateway/channel.ts', false],
  ['test/a.ts', 'sync/b.ts', true],
  ['sync/a.ts', 'test/b.ts', false],
  ['extra/a.ts', 'gateway/b.ts', false],
];
for (const [from, to, allowed] of arrows) {
  t.test(`${from} ${allowed ? 'may' : 'may not'} import ${to}`, async (t) => {
    t.equal(brokenRule({ from, to }) === undefined, allowed);
  });
}

t.test('finds a cycle, however long, and none where arrows only meet', async (t) => {
  const graph = (...pairs: [string, string][]) => pairs.map(([from, to]) => ({ from, to, line: 1 }));
  t.same(findCycles(graph(['a', 'b'], ['a', 'c'], ['b', 'd'], ['c', 'd'])), []);
  t.same(findCycles(graph(['x', 'a'], ['a', 'b'], ['b', 'c'], ['c', 'a'])), [['a', 'b', 'c']]);
  t.same(findCycles(graph(['a', 'a'])), [['a']]);
});
