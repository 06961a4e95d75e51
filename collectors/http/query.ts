import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import { type BodyBudget, receiveBody } from './receive-body.ts';
import { Refusal } from './refusal.ts';

/** Bytes of a query. */
const QUERY_BYTES_MAX = 64 * 1024;

/**
 * The answer to a query. Telegraf creates its database before it writes; there are none to create here, so that is said to
 * be done. Anything else is refused.
 * @throws Refusal `http-query`, and those of {@link receiveBody}
 */
export async function queryAnswer(
  query: URLSearchParams,
  request: IncomingMessage,
  budget: BodyBudget,
): Promise<Answer> {
  const text = query.get('q') ?? (await formQuery(request, budget));
  if (!/^\s*CREATE\s+DATABASE\s/i.test(text)) {
    throw new Refusal(
      'http-query',
      400,
      `only CREATE DATABASE is answered here, not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return { status: 200, headers: {}, body: { results: [{ statement_id: 0 }] } };
}

/** What a form sends as `q`. */
async function formQuery(request: IncomingMessage, budget: BodyBudget): Promise<string> {
  const { bytes, release } = await receiveBody(request, QUERY_BYTES_MAX, budget);
  const form = bytes.toString('utf8');
  release();
  return new URLSearchParams(form).get('q') ?? '';
}
