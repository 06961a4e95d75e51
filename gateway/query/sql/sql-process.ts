/** The process of one SQL statement over a store in a folder. */
import { BlockReader } from '../../store/block-reader.ts';
import { storePaths } from '../../store/store-dir.ts';
import { OPENED_BYTES_FEW } from '../opened-packs.ts';
import { StoreTelemetry } from '../store-telemetry.ts';
import { serveStatement } from './serve-statement.ts';

serveStatement((dir, notice) => {
  const telemetry = StoreTelemetry.open(dir, notice, OPENED_BYTES_FEW);
  const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
  return {
    telemetry,
    blocks,
    close() {
      blocks.close();
      telemetry.close();
    },
  };
});
