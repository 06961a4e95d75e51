/**
 * Every named maximum of the gateway in one place. What happens at each, and which counter tells, stands beside it;
 * a limit that belongs to one wire stands here too, so that the memory of a box can be added up from one page.
 */

/** Slots of the intake ring; a number sample takes one, 20 bytes. At the maximum: new samples are refused and counted as lost. */
export const RING_SLOTS = 1 << 20;

/** Samples of one block. At the maximum: the block is sealed. */
export const BLOCK_SAMPLES_MAX = 4096;

/** Stretches that a block is folded to at a time for a chart. At the maximum: the chart looks at its samples. */
export const FOLD_STRETCHES_MAX = 512;

/** Blocks of one pack. At the maximum: the others go into the next pack. */
export const PACK_BLOCKS_MAX = 256;

/** Bytes of one pack. A pack is far smaller but for text: a block that fills its text stands alone. Larger bytes are refused. */
export const PACK_BYTES_MAX = 2 << 20;

/** Bytes of text of one block. At the maximum: the block is sealed early. */
export const BLOCK_TEXT_BYTES_MAX = 1 << 20;

/** Bytes of one text sample in UTF-8. Longer text is bad input: counted and skipped. */
export const TEXT_SAMPLE_BYTES_MAX = 64 * 1024;

/** Channels of one gateway. At the maximum: samples of further channels are counted as lost, cause `channels-full`. */
export const CHANNELS_MAX = 200_000;

/** Bytes of a channel name in UTF-8. Longer names are cut, and end with a checksum of the whole. */
export const CHANNEL_NAME_BYTES_MAX = 512;

/** Labels of one enum channel. Further labels are not kept. */
export const CHANNEL_LABELS_MAX = 1024;

/** Ring slots taken into one group commit. What is beyond waits for the next commit, which follows at once. */
export const COMMIT_SLOTS_MAX = 1 << 18;

/**
 * Bytes of memory for samples that are in no block yet. At the maximum: nothing more is drained until seals have caught up, of
 * chunks that are not full as well; the ring fills and counts what it refuses. Open chunks have room for 64 KiB each at most:
 * 8,192 channels fit at any rate, more where they are slower, because a chunk takes room as its channel needs it.
 */
export const UNSEALED_BYTES_MAX = 512 << 20;

/**
 * Bytes of memory for samples, in use and spare together. At the maximum: what sealed chunks give back is let go of. What was
 * spare for CHUNK_SPARE_INTERVAL_MS is let go of as well.
 */
export const CHUNK_KEPT_BYTES_MAX = 512 << 20;
export const CHUNK_SPARE_INTERVAL_MS = 120_000;

/** Receipts (16-byte digests of acknowledged messages) kept to recognise repeats. At the maximum: the oldest are forgotten. */
export const RECEIPTS_MAX = 1 << 18;

/** Bytes of a segment of the journal. At the maximum: the next segment is begun; a larger commit gets one of its own. */
export const JOURNAL_SEGMENT_BYTES = 8 * 1024 * 1024;

/** Segments of the journal made in advance, so that commits go on for a while where the disk is full. */
export const JOURNAL_SPARES_MIN = 2;

/** Files with what could not be read of the journal. At the maximum: further damage is told, its bytes are not kept. */
export const JOURNAL_DAMAGED_MAX = 1024;

/**
 * MiB of a thread's heap where new objects live, three semi-spaces together. At the maximum: they are moved out earlier, at
 * a little more CPU. Left to itself V8 takes up to 48 MiB a thread, which a gateway fills with short-lived buffers only.
 */
export const THREAD_YOUNG_MIB = 6;

/** Samples of a derivation or an import that are held in memory, 64 MiB. At the maximum: they are sealed into smaller blocks. */
export const DIRECT_SAMPLES_HELD_MAX = 1 << 22;

/** Pixels of one envelope query. Beyond: the query is refused. */
export const QUERY_PIXELS_MAX = 16_384;

/** Seconds that a SQL statement may run, unless it is given others. Beyond: it is ended, and the limit named. */
export const SQL_SECONDS_MAX = 60;

/** Rows of the result of a SQL statement, unless it is given others. Beyond: it is ended, and the limit named. */
export const SQL_ROWS_MAX = 1_000_000;

/** MiB of memory of the process that runs a SQL statement, unless it is given others. Beyond: it is ended, and the limit named. */
export const SQL_MEMORY_MIB_MAX = 512;

/** SQL statements that a server runs at a time, each in a process of its own. Beyond: refused, to be tried again. */
export const SQL_STATEMENTS_MAX = 2;
