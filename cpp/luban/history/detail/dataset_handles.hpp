#pragma once

#include <cstdint>
#include <luban/history/detail/hdf5.hpp>
#include <map>
#include <string>

namespace luban::history::detail {

/// Open datasets of one file, so that a read does not open anew; the one not used for longest is closed when there are
/// more than `limit`. Every call needs the lock, also the destructor: clear() first.
class DatasetHandles {
 public:
  /// @throws IntegrityError when the library cannot open it.
  [[nodiscard]] hid_t get(const Hdf5Lock& lock, hid_t file, const Hdf5Place& place);
  void clear(const Hdf5Lock&) noexcept { open_.clear(); }

 private:
  static constexpr std::size_t limit = 128;
  struct Entry {
    Handle dataset;
    std::uint64_t used = 0;
  };
  std::map<std::string, Entry> open_;
  std::uint64_t uses_ = 0;
};

}  // namespace luban::history::detail
