#include <luban/core/file_lock.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <luban/core/durable_file.hpp>
#include <luban/core/error.hpp>

namespace luban::core {
namespace {

constexpr mode_t for_all = 0666;

/// Opens the lock file or makes it. A lock file that another user left must not be an obstacle: it belongs to all.
int open_lock_file(const std::filesystem::path& path) {
  for (;;) {
    int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor >= 0 || errno != ENOENT) return descriptor;
    descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, for_all);
    if (descriptor >= 0) ::fchmod(descriptor, for_all);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
}

/// Whether the path still leads to the open file: who lets go of a lock removes its file.
bool is_at(int descriptor, const std::filesystem::path& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(descriptor, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/// Writes who holds the lock, for the message that others get; what it cannot write, that message does without.
void sign(int descriptor) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string text = "process " + std::to_string(::getpid()) + " on " + host.data();
  if (::ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
  }
}

std::string holder(int descriptor) {
  std::array<char, 300> text{};
  const ssize_t length = ::pread(descriptor, text.data(), text.size(), 0);
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "another program";
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& file, std::string where) {
  const std::filesystem::path real = real_path(file, where);
  path_ = real.parent_path() / ("." + real.filename().string() + ".lock");
  const auto refused = [&](const char* what, int reason) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw IoError({.where = where,
                   .expected = std::string("to ") + what,
                   .received = std::strerror(reason),
                   .place = path_.string(),
                   .hint = "check the folder and its permissions; a folder without file locks cannot be written to by "
                           "several programs, a local one can"});
  };
  for (;;) {
    descriptor_ = open_lock_file(path_);
    if (descriptor_ < 0) refused("open the lock file", errno);
    int status = ::flock(descriptor_, LOCK_EX | LOCK_NB);
    while (status != 0 && errno == EINTR) status = ::flock(descriptor_, LOCK_EX | LOCK_NB);
    const int reason = errno;
    if (status != 0 && reason != EWOULDBLOCK) refused("lock the file", reason);
    if (is_at(descriptor_, path_)) {
      if (status == 0) break;
      const std::string who = holder(descriptor_);
      ::close(descriptor_);
      throw LifecycleError({.where = where,
                            .expected = "to be the only one that writes it",
                            .received = who + ", which is writing",
                            .place = real.string(),
                            .hint = "wait until that is done, open it again and repeat"});
    }
    ::close(descriptor_);  // the holder has just let go
  }
  sign(descriptor_);
}

FileLock::~FileLock() {
  if (is_at(descriptor_, path_)) ::unlink(path_.c_str());
  ::flock(descriptor_, LOCK_UN);  // closing does not suffice when a child process has inherited it
  ::close(descriptor_);
}

}  // namespace luban::core
