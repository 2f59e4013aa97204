/* Loaded before the C library: records the calls below a folder after which a power cut may come, and what each sync
 * made durable.
 *
 * record_begin(folder, log, ignored, left_out): from now on; syncs of the `ignored` kinds do nothing and are not
 * recorded, nor is sync number `left_out`, from 1 (0 = none). record_mark(text) notes a moment; record_end() ends it
 * and returns how many syncs there were. Of each call the file `log`/NUMBER says: its kind, inode and path in the
 * first line; then the names below the folder after it, one a line: d or f, inode of the folder, inode, name.
 * `log`/NUMBER.content is a copy of a file that was synced. skip_syncs(): from now on no sync does anything; it is for
 * those who check what a cut left, and cut nothing themselves.
 *
 * Other ways to the disk (O_SYNC, syncfs, msync) are not known here: who relies on them is told of a loss. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 1, FOLDERS = 2, MOST_FILES = 4096 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], record_folder[PATH_MAX];
static int recording, ignored_kinds, skipping;
static long records, syncs, left_out_sync;
static ino_t held[MOST_FILES];
static int held_count;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The number of a removed file is not given to another one as long as somebody holds it. */
static void hold(const char* path, ino_t inode) {
  for (int k = 0; k < held_count; ++k) {
    if (held[k] == inode) return;
  }
  if (held_count == MOST_FILES || NEXT(open)(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) < 0) return;
  held[held_count++] = inode;
}

static void list(FILE* out, const char* folder, ino_t inode) {
  DIR* const open_folder = opendir(folder);
  if (open_folder == NULL) return;
  for (const struct dirent* entry; (entry = readdir(open_folder)) != NULL;) {
    char path[PATH_MAX];
    struct stat found;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (lstat(path, &found) != 0) continue;
    hold(path, found.st_ino);
    fprintf(out, "%c %lu %lu %s\n", S_ISDIR(found.st_mode) ? 'd' : 'f', inode, found.st_ino, entry->d_name);
    if (S_ISDIR(found.st_mode)) list(out, path, found.st_ino);
  }
  closedir(open_folder);
}

static FILE* record_file(const char* ending) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/%06ld%s", record_folder, records, ending);
  return NEXT(fopen)(path, "wb");
}

static void copy_content(int descriptor) {
  char link[64], block[65536];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  FILE* const in = NEXT(fopen)(link, "rb");
  FILE* const out = record_file(".content");
  for (size_t count; in != NULL && out != NULL && (count = fread(block, 1, sizeof block, in)) > 0;) {
    fwrite(block, 1, count, out);
  }
  if (in != NULL) fclose(in);
  if (out != NULL) fclose(out);
}

static int below(const char* path) {
  const size_t length = strlen(root);
  return path[0] != '/' || (strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

static void record(const char* kind, ino_t inode, const char* path) {
  const int reason = errno;
  struct stat top;
  FILE* const out = record_file("");
  if (out != NULL && stat(root, &top) == 0) {
    fprintf(out, "%s %lu %s\n", kind, inode, path);
    list(out, root, top.st_ino);
  }
  if (out != NULL) fclose(out);
  ++records;
  errno = reason;
}

void record_begin(const char* folder, const char* log, int ignored, long left_out) {
  pthread_mutex_lock(&mutex);
  snprintf(root, sizeof root, "%s", folder);
  snprintf(record_folder, sizeof record_folder, "%s", log);
  ignored_kinds = ignored;
  left_out_sync = left_out;
  records = syncs = 0;
  recording = 1;
  record("mark", 0, "begin");
  pthread_mutex_unlock(&mutex);
}

void record_mark(const char* text) {
  pthread_mutex_lock(&mutex);
  record("mark", 0, text);
  pthread_mutex_unlock(&mutex);
}

long record_end(void) {
  pthread_mutex_lock(&mutex);
  recording = 0;
  const long made = syncs;
  pthread_mutex_unlock(&mutex);
  return made;
}

void skip_syncs(void) { skipping = 1; }

static int path_of(int descriptor, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = '\0';
  return length > 0 && path[0] == '/' && below(path);
}

static int synced(int descriptor, int (*sync)(int)) {
  char path[PATH_MAX];
  struct stat found;
  if (skipping) return 0;
  if (!recording || !path_of(descriptor, path) || fstat(descriptor, &found) != 0) return sync(descriptor);
  const int folder = S_ISDIR(found.st_mode);
  pthread_mutex_lock(&mutex);
  int status = 0;
  if (++syncs != left_out_sync && (ignored_kinds & (folder ? FOLDERS : FILES)) == 0) {
    status = sync(descriptor);
    if (status == 0 && !folder) copy_content(descriptor);
    if (status == 0) record(folder ? "sync-folder" : "sync-file", found.st_ino, path);
  }
  pthread_mutex_unlock(&mutex);
  return status;
}

int fsync(int descriptor) { return synced(descriptor, NEXT(fsync)); }
int fdatasync(int descriptor) { return synced(descriptor, NEXT(fdatasync)); }

static int noted(const char* kind, const char* path, int status) {
  if (!recording || status < 0 || !below(path)) return status;
  pthread_mutex_lock(&mutex);
  record(kind, 0, path);
  pthread_mutex_unlock(&mutex);
  return status;
}

int rename(const char* from, const char* to) { return noted("rename", to, NEXT(rename)(from, to)); }
int link(const char* from, const char* to) { return noted("link", to, NEXT(link)(from, to)); }
int unlink(const char* path) { return noted("unlink", path, NEXT(unlink)(path)); }
int remove(const char* path) { return noted("unlink", path, NEXT(remove)(path)); }
int mkdir(const char* path, mode_t mode) { return noted("mkdir", path, NEXT(mkdir)(path, mode)); }

#define OPENING(name)                                                \
  int name(const char* path, int flags, ...) {                      \
    va_list more;                                                    \
    va_start(more, flags);                                           \
    const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0; \
    va_end(more);                                                    \
    const int opened = NEXT(name)(path, flags, mode);                \
    return (flags & O_CREAT) != 0 ? noted("open", path, opened) : opened; \
  }
OPENING(open)
OPENING(open64)
