#include <algorithm>
#include <luban/history/detail/dataset_handles.hpp>

namespace luban::history::detail {

hid_t DatasetHandles::get(const Hdf5Lock&, hid_t file, const Hdf5Place& place) {
  if (const auto known = open_.find(place.object); known != open_.end()) {
    known->second.used = ++uses_;
    return known->second.dataset.id();
  }
  if (open_.size() >= limit) {
    open_.erase(std::min_element(open_.begin(), open_.end(),
                                 [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  Handle dataset(checked(H5Dopen2(file, place.object.c_str(), H5P_DEFAULT), "H5Dopen2", place), &H5Dclose);
  return open_.emplace(place.object, Entry{std::move(dataset), ++uses_}).first->second.dataset.id();
}

}  // namespace luban::history::detail
