/*
 * Preloaded into a process, makes the calls that change files below a folder fail: the n-th of them, and as many after it
 * as told. Which ones is told through a small file that both sides map, see failing-calls.ts.
 *
 * CAISSON_FAULT_FOLDER   absolute path of the folder
 * CAISSON_FAULT_CONTROL  the file, struct control
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
  _Atomic uint64_t count;  /* calls since the count was set to 0 */
  _Atomic uint64_t first;  /* number of the first call that fails; 0 for none */
  _Atomic uint64_t last;   /* number of the last one */
  _Atomic uint64_t error;  /* what errno they set */
  _Atomic uint64_t failed; /* calls that were made to fail */
};

static struct control *control;
static char folder[4096];

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("CAISSON_FAULT_CONTROL"), *below = getenv("CAISSON_FAULT_FOLDER");
  if (path == NULL || below == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map == MAP_FAILED) abort();
  snprintf(folder, sizeof folder, "%s/", below);
  control = map;
}

/* True when this call on a file of that path is to fail; errno is set then. */
static int fails(const char *path) {
  if (control == NULL || strncmp(path, folder, strlen(folder)) != 0) return 0;
  uint64_t number = atomic_fetch_add(&control->count, 1) + 1;
  uint64_t first = atomic_load(&control->first);
  if (first == 0 || number < first || number > atomic_load(&control->last)) return 0;
  atomic_fetch_add(&control->failed, 1);
  errno = (int)atomic_load(&control->error);
  return 1;
}

static int fails_on(int fd) {
  if (control == NULL) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A write that fails may have changed some of what it was to change: half of it is written all the same. */
#define TORN(call) do { int error = errno; if ((call) < 0) {} errno = error; return -1; } while (0)

ssize_t write(int fd, const void *data, size_t size) {
  if (fails_on(fd)) TORN(REAL(write)(fd, data, size / 2));
  return REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  if (fails_on(fd)) TORN(REAL(pwrite)(fd, data, size / 2, at));
  return REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  if (fails_on(fd)) TORN(REAL(pwrite64)(fd, data, size / 2, at));
  return REAL(pwrite64)(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (fails_on(fd)) TORN(REAL(writev)(fd, parts, count / 2));
  return REAL(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  if (fails_on(fd)) TORN(REAL(pwritev)(fd, parts, count / 2, at));
  return REAL(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  if (fails_on(fd)) TORN(REAL(pwritev64)(fd, parts, count / 2, at));
  return REAL(pwritev64)(fd, parts, count, at);
}

int fsync(int fd) { return fails_on(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails_on(fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return fails_on(fd) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails_on(fd) ? -1 : REAL(ftruncate64)(fd, size); }
int fallocate(int fd, int mode, off_t at, off_t size) { return fails_on(fd) ? -1 : REAL(fallocate)(fd, mode, at, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) { return fails_on(fd) ? -1 : REAL(fallocate64)(fd, mode, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) { return fails_on(fd) ? errno : REAL(posix_fallocate)(fd, at, size); }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return fails_on(fd) ? errno : REAL(posix_fallocate64)(fd, at, size); }
int rename(const char *from, const char *to) { return fails(to) ? -1 : REAL(rename)(from, to); }
int unlink(const char *path) { return fails(path) ? -1 : REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { return fails(path) ? -1 : REAL(mkdir)(path, mode); }

/* Opening a file that is there needs nothing of the disk; making one does. */
static int fails_to_make(const char *path, int flags) {
  return (flags & O_CREAT) != 0 && control != NULL && access(path, F_OK) != 0 && fails(path);
}

static mode_t mode_of(int flags, va_list more) { return (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0; }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = mode_of(flags, more); \
    va_end(more); \
    return fails_to_make(path, flags) ? -1 : REAL(name)(path, flags, mode); \
  }

OPEN(open)
OPEN(open64)
