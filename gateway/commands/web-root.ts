import { fileURLToPath } from 'node:url';
import { ownFile } from '../own-file.ts';

/** The built web app lies beside the compiled code; its source has no such folder. */
export const WEB_ROOT = fileURLToPath(new URL('.', ownFile('dashboards/web/assets')));
