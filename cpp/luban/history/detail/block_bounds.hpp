#pragma once

#include <cstddef>
#include <cstdint>
#include <luban/history/detail/tree_file.hpp>
#include <optional>
#include <string>
#include <variant>

namespace luban::history::detail {

/// Lowest and highest of some rows of a column, missing ones left out; of both kinds the same. No value at all = both
/// missing.
template <typename T>
struct Bounds {
  T low;
  T high;
};
using AnyBounds = std::variant<Bounds<double>, Bounds<std::int64_t>, Bounds<std::int32_t>, Bounds<std::string>>;

/// The bounds of each block of `block_rows` rows: what is stored under /index for a column. Both columns have one
/// element per block and the kind of the column.
struct BoundColumns {
  ColumnData low;
  ColumnData high;
};
[[nodiscard]] BoundColumns block_bounds(const ColumnView& column);

/// Where they are stored for a dataset.
[[nodiscard]] std::string bounds_path(const std::string& dataset);

/// The stored bounds of a column, read when first asked for.
class BoundsReader {
 public:
  explicit BoundsReader(const TreeFile& file) : file_(file) {}
  /// Nothing when the file holds none for that dataset. @throws IntegrityError when they do not fit the column.
  [[nodiscard]] std::optional<BoundColumns> read(const std::string& dataset) const;

 private:
  const TreeFile& file_;
};

/// Bounds of one block. @throws IntegrityError for a kind that has none.
[[nodiscard]] AnyBounds bounds_of(const BoundColumns& columns, std::size_t block);

}  // namespace luban::history::detail
