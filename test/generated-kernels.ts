import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { PROJECT_ROOT } from './data-dir.ts';

/** The TypeScript module that holds the compiled kernels. */
export const EMBEDDED_PATH = 'gateway/store/block/kernels/embedded.ts';

const SOURCE_PATH = 'gateway/store/block/kernels/assembly.ts';

/** Four pages of 64 KiB: constants, and the three areas. */
const MEMORY_PAGES = '4';

const LINE_CHARS = 112;

/** The text of the module at {@link EMBEDDED_PATH}, compiled from its source. Throws with what the compiler says. */
export async function compileKernels(): Promise<string> {
  let compiled: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      ...['assembly.ts', '--outFile', 'kernels.wasm', '--enable', 'simd', '--runtime', 'stub', '--noAssert'],
      ...['-O3', '--converge', '--initialMemory', MEMORY_PAGES, '--maximumMemory', MEMORY_PAGES],
    ],
    {
      readFile: (name) => (name === 'assembly.ts' ? readFileSync(join(PROJECT_ROOT, SOURCE_PATH), 'utf8') : null),
      writeFile: (name, contents) => {
        if (name === 'kernels.wasm' && typeof contents !== 'string') compiled = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || compiled === undefined)
    throw new Error(`${SOURCE_PATH} does not compile: ${stderr.toString()}`);
  return moduleOf(compiled);
}

function moduleOf(wasm: Uint8Array): string {
  const base64 = Buffer.from(wasm).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
  return [
    '// Compiled from assembly.ts: `npm run kernels`. A test holds the two together.',
    '',
    `/** A WebAssembly module of ${wasm.length} bytes, base64. */`,
    'export const KERNELS_WASM = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}
