import type { Test } from 'tap';
import { HttpCollector } from '../../../collectors/http/http-collector.ts';
import type { HttpConfig } from '../../../collectors/http/http-config.ts';
import { FakeClock, FakeIntake } from '../mqtt/fake-intake.ts';

export interface RunningServer {
  readonly collector: HttpCollector;
  readonly intake: FakeIntake;
  readonly clock: FakeClock;
  readonly url: string;
  /** Status, headers and text of the answer to a request. */
  send(path: string, body?: string | Uint8Array, headers?: Record<string, string>, method?: string): Promise<Received>;
}

export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A server on a free port of loopback that ends with the test; every publication is durable after 1 ms. */
export async function runServer(t: Test, config: HttpConfig = {}, intake = new FakeIntake(1)): Promise<RunningServer> {
  const clock = new FakeClock();
  const collector = new HttpCollector({ port: 0, ...config }, { source: 'http', intake, clock });
  await collector.start();
  t.teardown(async () => {
    intake.commit();
    await collector.stop();
  });
  const url = `http://127.0.0.1:${collector.port}`;
  const send = async (path: string, body?: string | Uint8Array, headers = {}, method = 'POST') => {
    const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return { collector, intake, clock, url, send };
}
