#pragma once

#include <luban/history/detail/tree_file.hpp>
#include <string>

namespace luban::history::detail {

/// data_digest() of a stored dataset, read in windows: memory does not grow with the column.
/// @throws IntegrityError when it is absent or damaged.
[[nodiscard]] std::string stored_digest(const TreeFile& file, const std::string& object);

}  // namespace luban::history::detail
