/**
 * How Node is started for a process of ours that runs for long; the first line of main.ts says the same to the shell.
 *
 * `--max-semi-space-size`: MiB of one semi-space of the main thread, where new objects live. Left to itself V8 grows it to
 * 16 for buffers that die at once. Worker threads have THREAD_YOUNG_MIB.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2'];

/** One arena for all threads: each of its own keeps some 10 MiB of holes between the buffers of unsealed samples (glibc). */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };
