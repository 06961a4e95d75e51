import { Buffer } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { PROJECT_ROOT } from './data-dir.ts';

/** The TypeScript module that holds the compiled kernels. */
export const EMBEDDED_PATH = 'gateway/store/block/kernels/embedded.ts';

const SOURCE_FOLDER = 'gateway/store/block/kernels';
const ENTRY = 'assembly.ts';

/** Four pages of 64 KiB: constants, and the three areas. */
const MEMORY_PAGES = '4';

const LINE_CHARS = 112;

/** The text of the module at {@link EMBEDDED_PATH}, compiled from its source. Throws with what the compiler says. */
export async function compileKernels(): Promise<string> {
  let compiled: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      ...[ENTRY, '--outFile', 'kernels.wasm', '--enable', 'simd', '--enable', 'bulk-memory'],
      ...['--runtime', 'stub', '--noAssert', '-O3', '--converge'],
      ...['--initialMemory', MEMORY_PAGES, '--maximumMemory', MEMORY_PAGES],
    ],
    {
      readFile: readSource,
      writeFile: (name, contents) => {
        if (name === 'kernels.wasm' && typeof contents !== 'string') compiled = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || compiled === undefined)
    throw new Error(`${SOURCE_FOLDER} does not compile: ${stderr.toString()}`);
  return moduleOf(compiled);
}

/** The compiler asks for imports by their names and `.ts`, which only the entry has. */
function readSource(name: string): string | null {
  const path = join(PROJECT_ROOT, SOURCE_FOLDER, name === ENTRY ? name : name.replace(/\.ts$/, ''));
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
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
