#pragma once

#include <luban/history/detail/hdf5.hpp>

namespace luban::history::detail {

/// What became of the writes to one file.
struct WriteOutcome {
  int error = 0;  ///< errno of the first one that the system refused; 0 = none
};

/// Has the library write a new file by a driver of ours, which reports refused writes in `outcome` and not to the
/// library: some releases free a file that they could not flush, keep it in their lists, and crash on it when the
/// process ends. What the library reads back of its own objects is right even then. `outcome` outlives the file.
void set_write_driver(const Hdf5Lock& lock, hid_t access, WriteOutcome& outcome, const Hdf5Place& place);

}  // namespace luban::history::detail
