#pragma once

#include <cstddef>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/selection.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace luban::history::detail {

/// Ranges as pieces that are read in one go: neighbours that share a stored block of `block` rows are one piece, whose
/// span has at most `most` rows (a longer range is a piece by itself). Ranges are in ascending order.
[[nodiscard]] std::vector<Piece> group_ranges(const Ranges& ranges, std::size_t block, std::size_t most);

/// The chosen rows of each stored block: pieces that never leave one.
[[nodiscard]] std::vector<Piece> block_pieces(const Ranges& ranges);

/// Ranges of one dataset in pieces of about 16 chunks.
[[nodiscard]] std::vector<Piece> chunk_pieces(const TreeFile& file, const std::string& path, const Ranges& ranges);

/// The rows that `ranges` name, one after the other, each chunk decoded once or twice however scattered they are.
/// @throws as load().
template <typename T>
[[nodiscard]] std::vector<T> load_ranges(const TreeFile& file, const std::string& path, const Ranges& ranges) {
  if (ranges.size() == 1) return load<T>(file, path, ranges.front().begin, ranges.front().end);
  std::vector<T> out;
  out.reserve(count_rows(ranges));
  for (const Piece& piece : chunk_pieces(file, path, ranges)) {
    const std::vector<T> read = load<T>(file, path, piece.span.begin, piece.span.end);
    for (const process::RowRange& part : piece.parts) {
      out.insert(out.end(), read.begin() + static_cast<std::ptrdiff_t>(part.begin),
                 read.begin() + static_cast<std::ptrdiff_t>(part.end));
    }
  }
  return out;
}

/// Rows of a file by their place among those that ranges choose. Borrows the ranges.
class ChosenRows {
 public:
  explicit ChosenRows(const Ranges& ranges);
  /// Place of a row among the chosen ones; nothing when it is not chosen.
  [[nodiscard]] std::optional<std::size_t> place(std::int64_t row) const noexcept;
  /// The row at a place.
  [[nodiscard]] std::size_t row(std::size_t place) const noexcept;

 private:
  const Ranges& ranges_;
  std::vector<std::size_t> before_;  ///< chosen rows before each range
};

}  // namespace luban::history::detail
