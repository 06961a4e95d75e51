/** Fields of a JSON object of which nothing is known. What is missing or of another type has the value of nothing known. */
export type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A number that JSON could carry: what is not known or has no end came as null. */
export function known(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
