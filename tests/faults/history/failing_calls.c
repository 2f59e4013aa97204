/* Loaded before the C library: lets the n-th call that writes below a folder fail, as a full or broken disk would.
 *
 * fault_arm(folder, first, many, error, kinds): of the calls of these kinds on files below `folder`, calls number
 * `first`, first + 1, … (`many` of them) return -1 and set errno to `error`. fault_disarm() ends that and returns how
 * many calls there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2, LENGTHS = 4, NAMES = 8, OPENS = 16, REMOVALS = 32, LOCKS = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static long calls, first_call, last_call;
static int failure, armed_kinds;

void fault_arm(const char* folder, long first, long many, int error, int kinds) {
  pthread_mutex_lock(&mutex);
  snprintf(root, sizeof root, "%s", folder);
  calls = 0;
  first_call = first;
  last_call = first + many - 1;
  failure = error;
  armed_kinds = kinds;
  pthread_mutex_unlock(&mutex);
}

long fault_disarm(void) {
  pthread_mutex_lock(&mutex);
  armed_kinds = 0;
  const long made = calls;
  pthread_mutex_unlock(&mutex);
  return made;
}

static int fails_here(int kind, const char* path) {
  int fails = 0;
  pthread_mutex_lock(&mutex);
  if ((armed_kinds & kind) != 0 && strncmp(path, root, strlen(root)) == 0) {
    ++calls;
    fails = calls >= first_call && calls <= last_call;
  }
  pthread_mutex_unlock(&mutex);
  if (fails) errno = failure;
  return fails;
}

static int fails_on(int kind, int descriptor) {
  if ((armed_kinds & kind) == 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return fails_here(kind, path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_DESCRIPTOR(kind, type, name, parameters, arguments) \
  type name parameters {                                       \
    if (fails_on(kind, descriptor)) return -1;                 \
    return NEXT(name) arguments;                               \
  }

ON_DESCRIPTOR(WRITES, ssize_t, write, (int descriptor, const void* data, size_t size), (descriptor, data, size))
ON_DESCRIPTOR(WRITES, ssize_t, pwrite, (int descriptor, const void* data, size_t size, off_t at),
              (descriptor, data, size, at))
ON_DESCRIPTOR(WRITES, ssize_t, pwrite64, (int descriptor, const void* data, size_t size, off64_t at),
              (descriptor, data, size, at))
ON_DESCRIPTOR(WRITES, ssize_t, writev, (int descriptor, const struct iovec* parts, int count),
              (descriptor, parts, count))
ON_DESCRIPTOR(SYNCS, int, fsync, (int descriptor), (descriptor))
ON_DESCRIPTOR(SYNCS, int, fdatasync, (int descriptor), (descriptor))
ON_DESCRIPTOR(LENGTHS, int, ftruncate, (int descriptor, off_t length), (descriptor, length))
ON_DESCRIPTOR(LENGTHS, int, ftruncate64, (int descriptor, off64_t length), (descriptor, length))
ON_DESCRIPTOR(LOCKS, int, flock, (int descriptor, int operation), (descriptor, operation))

int rename(const char* from, const char* to) { return fails_here(NAMES, to) ? -1 : NEXT(rename)(from, to); }
int link(const char* from, const char* to) { return fails_here(NAMES, to) ? -1 : NEXT(link)(from, to); }
int unlink(const char* path) { return fails_here(REMOVALS, path) ? -1 : NEXT(unlink)(path); }

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0; }

#define OPENING(name)                                                \
  int name(const char* path, int flags, ...) {                      \
    va_list more;                                                    \
    va_start(more, flags);                                           \
    const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0; \
    va_end(more);                                                    \
    if (writes(flags) && fails_here(OPENS, path)) return -1;         \
    return NEXT(name)(path, flags, mode);                            \
  }
OPENING(open)
OPENING(open64)

FILE* fopen(const char* path, const char* mode) {
  return strpbrk(mode, "wa+") != NULL && fails_here(OPENS, path) ? NULL : NEXT(fopen)(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return strpbrk(mode, "wa+") != NULL && fails_here(OPENS, path) ? NULL : NEXT(fopen64)(path, mode);
}
