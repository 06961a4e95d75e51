/** The process of one SQL statement over a database of central's blocks. */
import { serveStatement } from '../../../gateway/query/sql/serve-statement.ts';
import { BlockingTelemetry } from './blocking-telemetry.ts';

serveStatement((url, notice) => {
  const telemetry = new BlockingTelemetry(url, notice);
  return { telemetry, blocks: telemetry, close: () => telemetry.close() };
});
