import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from './data-dir.ts';
import { compileKernels, EMBEDDED_PATH } from './generated-kernels.ts';

// Compiles the SIMD loops of the block codec into the module that embeds them: `npm run kernels`.
writeFileSync(join(PROJECT_ROOT, EMBEDDED_PATH), await compileKernels());
process.stderr.write(`${EMBEDDED_PATH}: rewritten\n`);
