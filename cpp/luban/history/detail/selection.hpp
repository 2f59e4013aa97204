#pragma once

#include <cstdint>
#include <luban/history/detail/tree_file.hpp>
#include <luban/history/filter.hpp>
#include <luban/process/table.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Rows in ascending order, as ranges that neither touch nor overlap.
using Ranges = std::vector<process::RowRange>;

/// Appends a range behind the others; where it touches the last one, both are one.
void append_range(Ranges& ranges, process::RowRange range);

[[nodiscard]] std::size_t count_rows(const Ranges& ranges) noexcept;

/// Parts of `rows` that end where a stored block ends.
[[nodiscard]] Ranges aligned_blocks(process::RowRange rows);

/// What a filter may name, of a file: parameters, context, identifiers.
[[nodiscard]] std::vector<process::ColumnInfo> filter_columns(const TreeFile& file);
/// @throws DataError when a filter names a column or a category that is not there, or asks a column for what it does
/// not hold. `columns`: of the whole history at `place`.
void require_filter(const RunFilter& filter, const std::vector<process::ColumnInfo>& columns, const std::string& place);

/// The runs among the first `runs` that a filter lets through. Only the columns it names are read, only in blocks whose
/// bounds allow a match. A column or category that the file lacks, as one segment of several may, matches nothing.
[[nodiscard]] Ranges select_runs(const TreeFile& file, const RunFilter& filter, std::size_t runs);

/// The readings of those runs among the first `readings`.
/// @throws IntegrityError when a reading belongs to no run.
[[nodiscard]] Ranges select_readings(const TreeFile& file, const Ranges& runs, std::size_t readings);

/// Rows [begin, end) of what `ranges` choose, as pieces that are read in one go: `span` in the file, of which `parts`
/// (relative to the span) were chosen.
struct Piece {
  process::RowRange span;
  Ranges parts;
};
[[nodiscard]] std::vector<Piece> pieces(const Ranges& ranges, process::RowRange rows);

}  // namespace luban::history::detail
