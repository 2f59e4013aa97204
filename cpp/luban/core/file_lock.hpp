#pragma once

#include <filesystem>
#include <string>

#include <luban/core/export.hpp>

namespace luban::core {

/// The right to write a file, held by one object at a time: of all processes and, within one, of all threads. A lock
/// file `.NAME.lock` beside the file (links are followed) carries it; the kernel lets go when the process dies, so that
/// what a crash leaves behind holds nobody up. Who only reads needs no lock.
class LUBAN_CORE_EXPORT FileLock {
 public:
  /// Does not wait. `where` is the caller's name in errors.
  /// @throws LifecycleError that says who holds the lock, IoError when the folder refuses or has no locks.
  FileLock(const std::filesystem::path& file, std::string where);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace luban::core
