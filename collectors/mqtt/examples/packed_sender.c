/*
 * Writes one packed frame (../PACKED_FRAME.md) to standard output: a second of a tyre's pressure at 100 Hz as scaled
 * 16-bit integers, and of its temperature at 10 Hz as floats. C99, no library, nothing allocated.
 *
 *   cc -O2 -o packed_sender packed_sender.c
 *   ./packed_sender 1700000000000000 | mosquitto_pub -h 127.0.0.1 -t car7/tyres -q 1 -s
 *
 * The argument is the UTC of the first sample in microseconds; without it the frame is stamped when it arrives.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_F32 = 1, TYPE_I16 = 3, HEADER_BYTES = 14, FRAME_BYTES_MAX = 4096 };

/* A frame under construction. It is valid when overflow is 0. */
struct frame {
  uint8_t bytes[FRAME_BYTES_MAX];
  size_t length;
  int overflow;
};

static void put(struct frame *frame, uint64_t value, int bytes) {
  if (frame->length + (size_t)bytes > sizeof frame->bytes) {
    frame->overflow = 1;
    return;
  }
  for (int at = 0; at < bytes; at++) frame->bytes[frame->length++] = (uint8_t)(value >> (8 * at));
}

static void put_f32(struct frame *frame, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  put(frame, bits, 4);
}

static void put_f64(struct frame *frame, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  put(frame, bits, 8);
}

/* PF-1 */
static void begin(struct frame *frame, uint64_t base_time_us, uint16_t channels) {
  frame->length = 0;
  frame->overflow = 0;
  put(frame, 0x15ca, 2);
  put(frame, 1, 1);
  put(frame, HEADER_BYTES, 1);
  put(frame, base_time_us, 8);
  put(frame, channels, 2);
}

/* PF-2: what every record begins with; value_bytes are those behind the name, gain and offset included. */
static void begin_record(struct frame *frame, int type, const char *name, uint16_t samples, uint32_t first_us,
                         uint32_t interval_us, size_t value_bytes) {
  size_t name_bytes = strlen(name);
  size_t record_bytes = 14 + name_bytes + value_bytes;
  if (name_bytes > 255 || record_bytes > 65535) frame->overflow = 1;
  put(frame, record_bytes, 2);
  put(frame, (uint64_t)type, 1);
  put(frame, name_bytes, 1);
  put(frame, samples, 2);
  put(frame, first_us, 4);
  put(frame, interval_us, 4);
  for (size_t at = 0; at < name_bytes; at++) put(frame, (uint8_t)name[at], 1);
}

/* value = raw * gain + offset; raw -32768 is a sample that was not taken (PF-3.3, PF-3.4). */
static void add_i16(struct frame *frame, const char *name, const int16_t *raw, uint16_t samples, uint32_t first_us,
                    uint32_t interval_us, double gain, double offset) {
  begin_record(frame, TYPE_I16, name, samples, first_us, interval_us, 16 + 2 * (size_t)samples);
  put_f64(frame, gain);
  put_f64(frame, offset);
  for (uint16_t at = 0; at < samples; at++) put(frame, (uint16_t)raw[at], 2);
}

static void add_f32(struct frame *frame, const char *name, const float *values, uint16_t samples, uint32_t first_us,
                    uint32_t interval_us) {
  begin_record(frame, TYPE_F32, name, samples, first_us, interval_us, 4 * (size_t)samples);
  for (uint16_t at = 0; at < samples; at++) put_f32(frame, values[at]);
}

int main(int argc, char **argv) {
  uint64_t base_time_us = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
  int16_t pressure[100];
  float temperature[10];
  for (int at = 0; at < 100; at++) pressure[at] = (int16_t)(2000 + at);
  pressure[50] = INT16_MIN;
  for (int at = 0; at < 10; at++) temperature[at] = 80.0f + 0.25f * (float)at;

  struct frame frame;
  begin(&frame, base_time_us, 2);
  add_i16(&frame, "fl/pressure", pressure, 100, 0, 10000, 0.001, 0.0);
  add_f32(&frame, "fl/temperature", temperature, 10, 5000, 100000);
  if (frame.overflow) {
    fprintf(stderr, "the frame is larger than %d bytes\n", FRAME_BYTES_MAX);
    return 1;
  }
  return fwrite(frame.bytes, 1, frame.length, stdout) == frame.length ? 0 : 1;
}
