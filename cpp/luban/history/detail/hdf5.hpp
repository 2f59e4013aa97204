#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace luban::history::detail {

/// Proof that the caller holds the one HDF5 mutex of this process; functions that call the library take it as an
/// argument. From the first one on the library prints no errors of its own. Never held while tasks are awaited.
class Hdf5Lock {
 public:
  Hdf5Lock();
  ~Hdf5Lock() = default;
  Hdf5Lock(const Hdf5Lock&) = delete;
  Hdf5Lock& operator=(const Hdf5Lock&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
};

/// Where a call is made, for the text of its error.
struct Hdf5Place {
  const char* where;          ///< "history.read"
  const std::string& file;    ///< path as given
  const std::string& object;  ///< path inside the file
  bool writing = false;       ///< a failure is then IoError (disk), otherwise IntegrityError (content)
};

/// @throws IoError or IntegrityError with the library's innermost message, the file and the object.
[[noreturn]] void throw_hdf5(const char* call, const Hdf5Place& place);

/// Passes a result on, or throws when the library returned a negative number.
template <typename T>
T checked(T result, const char* call, const Hdf5Place& place) {
  if (result < 0) throw_hdf5(call, place);
  return result;
}

/// Owns one HDF5 identifier of any kind. Destroy it while the lock is held.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Closer closer) noexcept : id_(id), closer_(closer) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }
  [[nodiscard]] hid_t id() const noexcept { return id_; }
  [[nodiscard]] bool open() const noexcept { return id_ >= 0; }
  /// Closes now; true when the library agreed (closing a file is when it writes).
  bool reset() noexcept;

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

/// A handle that outlives the lock under which it was made: takes the lock again to close.
class LockedHandle {
 public:
  LockedHandle() = default;
  LockedHandle(const LockedHandle&) = delete;
  LockedHandle& operator=(const LockedHandle&) = delete;
  ~LockedHandle();
  void set(Handle handle) noexcept { handle_ = std::move(handle); }
  [[nodiscard]] hid_t id() const noexcept { return handle_.id(); }
  /// Closes now. @throws IoError or IntegrityError when the library could not.
  void close(const Hdf5Lock& lock, const char* call, const Hdf5Place& place);

 private:
  Handle handle_;
};

}  // namespace luban::history::detail
