/** Bytes of a sample as it comes: 30 MB in a lap of 90 s at 25,000 samples/s. */
export const RAW_SAMPLE_BYTES = 13.3;
