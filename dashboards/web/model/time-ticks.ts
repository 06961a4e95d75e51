/** Distances of time that people read easily, seconds. */
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600] as const;

/** Distance of the marks of a time axis of `width` pixels over `span` seconds, with at least `room` pixels each. */
export function timeStep(span: number, width: number, room: number): number {
  const least = (span * room) / Math.max(1, width);
  return STEPS.find((step) => step >= least) ?? STEPS[STEPS.length - 1] ?? 3600;
}

/** Marks within [from, to] at whole multiples of `step`, seconds. */
export function timeTicks(from: number, to: number, step: number): number[] {
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step); tick * step <= to; tick++) ticks.push(tick * step);
  return ticks;
}
