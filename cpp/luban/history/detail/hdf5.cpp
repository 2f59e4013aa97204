#include <luban/core/error.hpp>
#include <luban/history/detail/hdf5.hpp>

namespace luban::history::detail {
namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* data) {
  auto& text = *static_cast<std::string*>(data);
  if (depth == 0 || text.empty()) text = error->desc != nullptr ? error->desc : "";
  return 0;
}

}  // namespace

// Never switched on again: after a damaged file some releases leave objects behind and speak of them when the process
// ends, to people who have our own error already.
Hdf5Lock::Hdf5Lock() : lock_(library_mutex()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5(const char* call, const Hdf5Place& place) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &keep_innermost, &reason);
  const std::string received = std::string(call) + " failed" + (reason.empty() ? "" : ": " + reason);
  const std::string where = place.file + (place.object.empty() ? "" : ", " + place.object);
  if (place.writing) {
    throw core::IoError({.where = place.where,
                         .expected = "to write the history",
                         .received = received,
                         .place = where,
                         .hint = "check free space and permissions; the file that was there before is untouched"});
  }
  throw core::IntegrityError({.where = place.where,
                              .expected = "an intact HDF5 object",
                              .received = received,
                              .place = where,
                              .hint = "the file is truncated or damaged; restore it from a copy or import again"});
}

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), closer_(std::exchange(other.closer_, nullptr)) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, -1);
    closer_ = std::exchange(other.closer_, nullptr);
  }
  return *this;
}

bool Handle::reset() noexcept {
  if (id_ < 0) return true;
  const herr_t status = closer_(std::exchange(id_, -1));
  return status >= 0;
}

LockedHandle::~LockedHandle() {
  if (!handle_.open()) return;
  const Hdf5Lock lock;
  handle_.reset();
}

void LockedHandle::close(const Hdf5Lock&, const char* call, const Hdf5Place& place) {
  if (!handle_.reset()) throw_hdf5(call, place);
}

}  // namespace luban::history::detail
