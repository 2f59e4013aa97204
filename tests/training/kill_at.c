/* Preloaded: kills the process at the n-th call that changes a file of one folder; of a write, half is done first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long calls_left = -1;

static int ends_here(const char* path) {
  const char* folder = getenv("KILL_FOLDER");
  if (folder == NULL || strncmp(path, folder, strlen(folder)) != 0) return 0;
  if (calls_left < 0) calls_left = atol(getenv("KILL_AT"));
  return --calls_left == 0;
}

static int ends_at(int fd) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return ends_here(path);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  ssize_t (*real)(int, const void*, size_t) = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (ends_at(fd)) {
    if (real(fd, bytes, count / 2) < 0) abort();
    raise(SIGKILL);
  }
  return real(fd, bytes, count);
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  if (ends_at(fd)) raise(SIGKILL);
  return real(fd);
}

int rename(const char* from, const char* to) {
  int (*real)(const char*, const char*) = (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
  if (ends_here(to)) raise(SIGKILL);
  return real(from, to);
}
