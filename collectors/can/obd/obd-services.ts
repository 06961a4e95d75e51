/** Services of OBD-II (SAE J1979); an answer has the number of its service with {@link REPLY} added. */
export const CURRENT_DATA = 0x01;
export const VEHICLE_INFORMATION = 0x09;
export const REPLY = 0x40;
/** First byte of an answer that is a refusal. */
export const REFUSED = 0x7f;

/** PID of service 09. */
export const VIN = 0x02;
