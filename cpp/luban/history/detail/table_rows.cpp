#include <algorithm>
#include <cmath>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/core/time.hpp>
#include <luban/history/detail/missing_value.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <type_traits>

namespace luban::history::detail {
namespace {

[[noreturn]] void no_ragged(const std::string& column) {
  throw core::DataError({.where = "history.merge",
                         .expected = "numbers, codes, times or texts",
                         .received = "ragged samples",
                         .place = "column " + column,
                         .hint = {}});
}

template <typename T>
void append_rows(std::vector<T>& to, const std::vector<T>& from, process::RowRange rows) {
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(rows.begin),
            from.begin() + static_cast<std::ptrdiff_t>(rows.end));
}

void append_rows(process::Ragged& to, const process::Ragged& from, process::RowRange rows) {
  const std::int64_t first = from.offsets[rows.begin];
  const std::int64_t before = to.offsets.back();
  to.values.insert(to.values.end(), from.values.begin() + first, from.values.begin() + from.offsets[rows.end]);
  for (std::size_t row = rows.begin; row < rows.end; ++row)
    to.offsets.push_back(from.offsets[row + 1] - first + before);
}

process::Column concatenate(process::Column first, process::Column second) {
  if (first.info.kind != second.info.kind) {
    first = as_text(first);
    second = as_text(second);
  }
  if (first.info.categories != second.info.categories) {
    throw core::DataError({.where = "history.merge",
                           .expected = "the same categories on both sides",
                           .received = "different ones",
                           .place = "column " + first.info.name,
                           .hint = {}});
  }
  std::visit(
      [&](auto& values) {
        using Values = std::decay_t<decltype(values)>;
        if constexpr (!std::is_same_v<Values, process::Ragged>) {
          auto& more = std::get<Values>(second.data);
          values.insert(values.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
        }
      },
      first.data);
  return first;
}

}  // namespace

process::Column take(const process::Column& column, const std::vector<std::int64_t>& rows) {
  process::Column out{column.info, {}};
  std::visit(
      [&](const auto& values) {
        using Values = std::decay_t<decltype(values)>;
        if constexpr (std::is_same_v<Values, process::Ragged>) {
          no_ragged(column.info.name);
        } else {
          using T = typename Values::value_type;
          Values taken;
          taken.reserve(rows.size());
          for (const std::int64_t row : rows) {
            taken.push_back(row < 0 ? missing_value<T>() : values[static_cast<std::size_t>(row)]);
          }
          out.data = std::move(taken);
        }
      },
      column.data);
  return out;
}

process::Column as_text(const process::Column& column) {
  std::vector<std::string> texts(column.size());
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = value_text(column, i);
  process::Column out = process::Column::string(column.info.name, std::move(texts));
  out.info.unit = column.info.unit;
  return out;
}

process::Table append(const process::Table& table, std::size_t count, const process::Table& more,
                      const std::vector<std::int64_t>& rows) {
  const std::vector<std::int64_t> none_before(count, -1);
  const std::vector<std::int64_t> none_after(rows.size(), -1);
  std::vector<process::Column> columns;
  for (const auto& column : table.columns()) {
    const process::Column* other = more.find(column.info.name);
    columns.push_back(concatenate(column, other != nullptr ? take(*other, rows) : take(column, none_after)));
  }
  for (const auto& column : more.columns()) {
    if (table.find(column.info.name) != nullptr) continue;
    columns.push_back(concatenate(take(column, none_before), take(column, rows)));
  }
  return process::Table(std::move(columns));
}

process::Table take_ranges(const process::Table& table, const std::vector<process::RowRange>& ranges) {
  std::vector<process::Column> columns;
  for (const process::Column& column : table.columns()) {
    process::Column out{column.info, {}};
    std::visit(
        [&](const auto& values) {
          using Values = std::decay_t<decltype(values)>;
          Values taken;
          for (const process::RowRange& range : ranges) append_rows(taken, values, range);
          out.data = std::move(taken);
        },
        column.data);
    columns.push_back(std::move(out));
  }
  return process::Table(std::move(columns));
}

process::Table concatenate(std::vector<process::Table> tables) {
  if (tables.size() == 1) return std::move(tables.front());
  std::vector<process::Column> columns;
  for (const process::Column& first : tables.front().columns()) {
    process::Column out{first.info, {}};
    std::visit(
        [&](const auto& example) {
          using Values = std::decay_t<decltype(example)>;
          Values all;
          for (const process::Table& table : tables) {
            const auto& values = std::get<Values>(table.at(first.info.name).data);
            append_rows(all, values, {0, table.row_count()});
          }
          out.data = std::move(all);
        },
        first.data);
    columns.push_back(std::move(out));
  }
  return process::Table(std::move(columns));
}

bool same_value(const process::Column& a, std::size_t i, const process::Column& b, std::size_t j) {
  if (const auto* x = std::get_if<std::vector<double>>(&a.data)) {
    if (const auto* y = std::get_if<std::vector<double>>(&b.data)) {
      return (*x)[i] == (*y)[j] || (std::isnan((*x)[i]) && std::isnan((*y)[j]));
    }
  }
  return value_text(a, i) == value_text(b, j);
}

std::string time_text(std::int64_t count) {
  const core::UtcTime time{core::Nanoseconds(count)};
  return time.missing() ? std::string() : time.iso();
}

std::string value_text(const process::Column& column, std::size_t row) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.data)) {
    return std::isnan((*numbers)[row]) ? std::string() : core::number_text((*numbers)[row]);
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.data)) return (*texts)[row];
  if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&column.data)) {
    const std::int32_t code = (*codes)[row];
    return code < 0 ? std::string() : column.info.categories[static_cast<std::size_t>(code)];
  }
  if (const auto* times = std::get_if<std::vector<std::int64_t>>(&column.data)) {
    return time_text((*times)[row]);
  }
  no_ragged(column.info.name);
}

void widen_categories(process::Table& table, const process::Table& like) {
  std::vector<process::Column> columns = table.columns();
  for (auto& column : columns) {
    const process::Column* other = like.find(column.info.name);
    if (other != nullptr && column.info.kind == process::ColumnKind::code &&
        other->info.kind == process::ColumnKind::code) {
      column.info.categories = other->info.categories;
    }
  }
  table = process::Table(std::move(columns));
}

}  // namespace luban::history::detail
