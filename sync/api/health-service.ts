import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import { FLIGHT_SERVICE, HEALTH_SERVICE, TELEMETRY_SERVICE } from './descriptor.ts';

interface HealthCheckRequest {
  readonly service: string;
}

interface HealthCheckResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** Whether who serves is ready, and when that changes. */
export interface Readiness {
  /** Why it is not; undefined where it is. */
  readonly problem: string | undefined;
  /** Calls `listener` whenever that may have changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

const SERVICES: ReadonlySet<string> = new Set(['', TELEMETRY_SERVICE, FLIGHT_SERVICE, HEALTH_SERVICE]);

/**
 * The two methods of grpc.health.v1.Health: serving until `stopped` is aborted, except while it is not ready. Calls are answered as well
 * as they can be all the same.
 * @param readiness undefined: it is ready from the start
 */
export function healthMethods(stopped: AbortSignal, readiness?: Readiness) {
  const current = (): HealthCheckResponse => ({
    status: stopped.aborted || readiness?.problem !== undefined ? 'NOT_SERVING' : 'SERVING',
  });
  return {
    Check(
      { request }: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
      reply: sendUnaryData<HealthCheckResponse>,
    ): void {
      if (SERVICES.has(request.service)) reply(null, current());
      else reply({ code: status.NOT_FOUND, details: `no service '${request.service}'` });
    },
    Watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>): void {
      if (!SERVICES.has(call.request.service)) {
        call.write({ status: 'SERVICE_UNKNOWN' });
        return;
      }
      let told: HealthCheckResponse['status'] | undefined;
      const tell = () => {
        const now = current();
        if (now.status !== told) call.write(now);
        told = now.status;
      };
      const end = () => {
        tell();
        call.end();
      };
      tell();
      const unfollow = readiness?.onChange(tell);
      stopped.addEventListener('abort', end, { once: true });
      const leave = () => {
        unfollow?.();
        stopped.removeEventListener('abort', end);
      };
      call.once('close', leave);
      call.once('cancelled', leave);
    },
  };
}
