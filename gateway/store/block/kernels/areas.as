// AssemblyScript, compiled to embedded.ts by `npm run kernels`; tsc does not read it.

/**
 * Memory is fixed areas, whose places kernels.ts knows too. Loops run in whole steps and may read and write up to 64 bytes
 * past the last element: every area has that much room to spare.
 */

/** Bytes: planes of integers. */
export const PLANES: usize = 0x0_2000;
/** u32: residuals. */
export const CODES: usize = 0x0_b000;
/** u32: places of elements that are exceptions. */
export const PLACES: usize = 0x1_0000;
/** f64: the column, as integers or as values. */
export const OUT: usize = 0x1_5000;
/** i32: integers that are written, less the least of them. */
export const STEPS: usize = 0x1_e000;
/** f64: values to be written. */
export const VALUES: usize = 0x2_7000;
/** While reading, u32: where stretches of a column begin, and where the last one ends. */
export const CUTS: usize = 0x2_7000;
/** While reading, f64: of each stretch the least, the greatest, the first and the last value. */
export const CORNERS: usize = 0x2_8000;
/** u32: how often each code below 256 occurs, one table for each of four neighbouring places, and then all in the first. */
export const BYTES: usize = 0x3_0000;
/** u32: how often each value of the least byte, of both low bytes, of the low 4 bits, and each length in bits occurs. */
export const LOWS: usize = 0x3_1000;
export const BOTH: usize = 0x3_1400;
export const NIBBLES: usize = 0x3_1800;
export const LENGTHS: usize = 0x3_1840;
export const COUNTS_END: usize = 0x3_1900;
/** f64: least and greatest. */
export const EXTENT: usize = 0x3_1900;
/** f64: bytes of the codes' low 4 bits, of their least bytes, and of both low bytes, each at its entropy. */
export const ENTROPIES: usize = 0x3_1910;
