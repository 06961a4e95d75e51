import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import { FLIGHT_SERVICE, HEALTH_SERVICE, TELEMETRY_SERVICE } from './descriptor.ts';

interface HealthCheckRequest {
  readonly service: string;
}

interface HealthCheckResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

const SERVICES: ReadonlySet<string> = new Set(['', TELEMETRY_SERVICE, FLIGHT_SERVICE, HEALTH_SERVICE]);

/** The two methods of grpc.health.v1.Health: serving from the start until `stopped` is aborted. */
export function healthMethods(stopped: AbortSignal) {
  const current = (): HealthCheckResponse => ({ status: stopped.aborted ? 'NOT_SERVING' : 'SERVING' });
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
      const end = () => {
        call.write(current());
        call.end();
      };
      call.write(current());
      stopped.addEventListener('abort', end, { once: true });
      call.once('close', () => stopped.removeEventListener('abort', end));
      call.once('cancelled', () => stopped.removeEventListener('abort', end));
    },
  };
}
