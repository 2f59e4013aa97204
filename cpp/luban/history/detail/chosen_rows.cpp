#include <algorithm>
#include <limits>
#include <luban/history/detail/chosen_rows.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t most_chunks = 16;  // bounds what is held beside the chosen rows, enough to decode in parallel

}  // namespace

std::vector<Piece> group_ranges(const Ranges& ranges, std::size_t block, std::size_t most) {
  std::vector<Piece> out;
  for (const process::RowRange& range : ranges) {
    if (range.begin >= range.end) continue;
    const bool joins = !out.empty() && (out.back().span.end - 1) / block == range.begin / block &&
                       range.end - out.back().span.begin <= most;
    if (!joins) out.push_back({{range.begin, range.begin}, {}});
    Piece& piece = out.back();
    piece.parts.push_back({range.begin - piece.span.begin, range.end - piece.span.begin});
    piece.span.end = range.end;
  }
  return out;
}

std::vector<Piece> block_pieces(const Ranges& ranges) {
  Ranges cut;
  for (const process::RowRange& range : ranges) {
    for (const process::RowRange& part : aligned_blocks(range)) cut.push_back(part);
  }
  return group_ranges(cut, block_rows, std::numeric_limits<std::size_t>::max());
}

std::vector<Piece> chunk_pieces(const TreeFile& file, const std::string& path, const Ranges& ranges) {
  const DatasetInfo& info = file.info(path);
  const std::size_t chunk = info.chunk > 0 ? info.chunk : block_rows;
  return group_ranges(ranges, chunk, most_chunks * chunk);
}

ChosenRows::ChosenRows(const Ranges& ranges) : ranges_(ranges) {
  std::size_t count = 0;
  for (const process::RowRange& range : ranges_) {
    before_.push_back(count);
    count += range.size();
  }
}

std::optional<std::size_t> ChosenRows::place(std::int64_t row) const noexcept {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), row, [](std::int64_t value, const process::RowRange& range) {
        return value < static_cast<std::int64_t>(range.begin);
      });
  if (after == ranges_.begin()) return std::nullopt;
  const auto at = static_cast<std::size_t>(after - ranges_.begin()) - 1;
  if (row >= static_cast<std::int64_t>(ranges_[at].end)) return std::nullopt;
  return before_[at] + static_cast<std::size_t>(row) - ranges_[at].begin;
}

std::size_t ChosenRows::row(std::size_t place) const noexcept {
  const auto after = std::upper_bound(before_.begin(), before_.end(), place);
  const auto at = static_cast<std::size_t>(after - before_.begin()) - 1;
  return ranges_[at].begin + (place - before_[at]);
}

}  // namespace luban::history::detail
