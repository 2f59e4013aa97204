#pragma once

#include <cstddef>
#include <luban/process/table.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Rows `rows` of a column, in that order; a negative row gives a missing value.
[[nodiscard]] process::Column take(const process::Column& column, const std::vector<std::int64_t>& rows);

/// The same column as texts; numbers in their shortest exact form, missing as "".
[[nodiscard]] process::Column as_text(const process::Column& column);

/// `table` (with `count` rows) followed by `rows` of `more`. Columns of either side are kept, missing where the other
/// side has none; a column that is numbers on one side and text on the other becomes text.
/// @throws DataError when codes of the same column have different categories.
[[nodiscard]] process::Table append(const process::Table& table, std::size_t count, const process::Table& more,
                                    const std::vector<std::int64_t>& rows);

/// Rows within `ranges` of every column.
[[nodiscard]] process::Table take_ranges(const process::Table& table, const std::vector<process::RowRange>& ranges);
/// The rows of all tables, which have the same columns, in order.
[[nodiscard]] process::Table concatenate(std::vector<process::Table> tables);

/// Whether row i of `a` and row j of `b` hold the same value (missing equals missing).
[[nodiscard]] bool same_value(const process::Column& a, std::size_t i, const process::Column& b, std::size_t j);
/// Texts of a time and of any value, missing as "".
[[nodiscard]] std::string time_text(std::int64_t count);
[[nodiscard]] std::string value_text(const process::Column& column, std::size_t row);

/// The column under another set of categories that begins with its own.
void widen_categories(process::Table& table, const process::Table& like);

}  // namespace luban::history::detail
