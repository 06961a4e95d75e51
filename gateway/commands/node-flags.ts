/**
 * What Node is told for a process of ours that runs for long; the first line of main.ts says the same to the shell. MiB of
 * one semi-space of the main thread, where new objects live: left to itself V8 grows it to 16 for buffers that die at
 * once. Worker threads have THREAD_YOUNG_MIB.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2'];
