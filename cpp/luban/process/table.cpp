#include <luban/process/table.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::process {
namespace {

using core::quoted;

[[noreturn]] void refuse(const char* where, std::string expected, std::string received, const std::string& column,
                         std::string hint = {}) {
  throw core::DataError({.where = where,
                         .expected = std::move(expected),
                         .received = std::move(received),
                         .place = "column " + quoted(column),
                         .hint = std::move(hint)});
}

bool kind_fits(const Column& column) noexcept {
  return column.data.index() == static_cast<std::size_t>(column.info.kind);
}

void validate_codes(const Column& column) {
  const auto& codes = std::get<std::vector<std::int32_t>>(column.data);
  const auto count = static_cast<std::int32_t>(column.info.categories.size());
  const auto bad = std::find_if(codes.begin(), codes.end(), [count](std::int32_t c) { return c < -1 || c >= count; });
  if (bad != codes.end()) {
    refuse("process.Table", "codes from -1 to " + std::to_string(count - 1), std::to_string(*bad), column.info.name);
  }
}

void validate_ragged(const Column& column) {
  const auto& [values, offsets] = std::get<Ragged>(column.data);
  const bool ok = !offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                  offsets.back() == static_cast<std::int64_t>(values.size());
  if (!ok) {
    refuse("process.Table", "offsets that rise from 0 to the number of values", "others", column.info.name);
  }
}

template <typename T>
const T& typed(const Table& table, const std::string& name, ColumnKind kind) {
  const Column& column = table.at(name);
  if (column.info.kind != kind) {
    refuse("process.Table", "a column of kind " + std::string(process::name(kind)),
           std::string(process::name(column.info.kind)), name);
  }
  return std::get<T>(column.data);
}

Ragged slice(const Ragged& ragged, RowRange rows) {
  const std::int64_t first = ragged.offsets[rows.begin];
  const std::int64_t last = ragged.offsets[rows.end];
  Ragged out;
  out.values.assign(ragged.values.begin() + first, ragged.values.begin() + last);
  out.offsets.assign(ragged.offsets.begin() + static_cast<std::ptrdiff_t>(rows.begin),
                     ragged.offsets.begin() + static_cast<std::ptrdiff_t>(rows.end) + 1);
  for (std::int64_t& offset : out.offsets) offset -= first;
  return out;
}

template <typename T>
std::vector<T> slice(const std::vector<T>& values, RowRange rows) {
  return {values.begin() + static_cast<std::ptrdiff_t>(rows.begin),
          values.begin() + static_cast<std::ptrdiff_t>(rows.end)};
}

}  // namespace

std::string_view name(ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::float64:
      return "float64";
    case ColumnKind::time:
      return "time";
    case ColumnKind::code:
      return "code";
    case ColumnKind::string:
      return "string";
    case ColumnKind::ragged_float32:
      return "ragged_float32";
  }
  return "unknown";
}

std::size_t Column::size() const noexcept {
  return std::visit(
      [](const auto& values) -> std::size_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(values)>, Ragged>) {
          return values.offsets.empty() ? 0 : values.offsets.size() - 1;
        } else {
          return values.size();
        }
      },
      data);
}

Column Column::float64(std::string name, std::string unit, std::vector<double> values) {
  return {{std::move(name), std::move(unit), ColumnKind::float64, {}}, std::move(values)};
}

Column Column::time(std::string name, std::vector<std::int64_t> utc_nanoseconds) {
  return {{std::move(name), {}, ColumnKind::time, {}}, std::move(utc_nanoseconds)};
}

Column Column::code(std::string name, std::vector<std::string> categories, std::vector<std::int32_t> codes) {
  return {{std::move(name), {}, ColumnKind::code, std::move(categories)}, std::move(codes)};
}

Column Column::string(std::string name, std::vector<std::string> values) {
  return {{std::move(name), {}, ColumnKind::string, {}}, std::move(values)};
}

Column Column::ragged(std::string name, std::string unit, Ragged values) {
  return {{std::move(name), std::move(unit), ColumnKind::ragged_float32, {}}, std::move(values)};
}

Table::Table(std::vector<Column> columns) {
  columns_.reserve(columns.size());
  for (Column& column : columns) add(std::move(column));
}

void Table::add(Column column) {
  const std::string& added = column.info.name;
  if (find(added) != nullptr) refuse("process.Table", "each column name once", quoted(added) + " twice", added);
  if (!kind_fits(column)) {
    refuse("process.Table", "data of kind " + std::string(process::name(column.info.kind)), "another kind", added);
  }
  if (column.info.kind == ColumnKind::code) validate_codes(column);
  if (column.info.kind == ColumnKind::ragged_float32) validate_ragged(column);
  if (!columns_.empty() && column.size() != row_count()) {
    refuse("process.Table", std::to_string(row_count()) + " rows as in the other columns",
           std::to_string(column.size()), added);
  }
  columns_.push_back(std::move(column));
}

std::size_t Table::row_count() const noexcept {
  return columns_.empty() ? 0 : columns_.front().size();
}

const Column* Table::find(const std::string& name) const noexcept {
  const auto at =
      std::find_if(columns_.begin(), columns_.end(), [&name](const Column& c) { return c.info.name == name; });
  return at == columns_.end() ? nullptr : &*at;
}

const Column& Table::at(const std::string& name) const {
  if (const Column* column = find(name)) return *column;
  std::vector<std::string> known;
  for (const Column& column : columns_) known.push_back(column.info.name);
  refuse("process.Table.at", "a column " + quoted(name), "a table without it", name, core::nearest_hint(name, known));
}

const std::vector<double>& Table::numbers(const std::string& name) const {
  return typed<std::vector<double>>(*this, name, ColumnKind::float64);
}

const std::vector<std::int64_t>& Table::times(const std::string& name) const {
  return typed<std::vector<std::int64_t>>(*this, name, ColumnKind::time);
}

const std::vector<std::int32_t>& Table::codes(const std::string& name) const {
  return typed<std::vector<std::int32_t>>(*this, name, ColumnKind::code);
}

const std::vector<std::string>& Table::strings(const std::string& name) const {
  return typed<std::vector<std::string>>(*this, name, ColumnKind::string);
}

TableSource::~TableSource() = default;

MemorySource::MemorySource(std::shared_ptr<const Table> table, Grain grain) : table_(std::move(table)), grain_(grain) {
  if (!table_) {
    throw core::ConfigurationError(
        {.where = "process.MemorySource", .expected = "a table", .received = "none", .place = {}, .hint = {}});
  }
}

std::vector<ColumnInfo> MemorySource::schema() const {
  std::vector<ColumnInfo> out;
  for (const Column& column : table_->columns()) out.push_back(column.info);
  return out;
}

std::size_t MemorySource::row_count() const {
  return table_->row_count();
}

std::vector<RowRange> MemorySource::blocks() const {
  constexpr std::size_t rows = 131072;  // 1 MiB of doubles, as a chunk of a file
  std::vector<RowRange> out;
  for (std::size_t begin = 0; begin < row_count(); begin += rows) {
    out.push_back({.begin = begin, .end = std::min(begin + rows, row_count())});
  }
  return out;
}

Table MemorySource::read(const std::vector<std::string>& columns, RowRange rows) const {
  if (rows.begin > rows.end || rows.end > row_count()) {
    throw core::DataError({.where = "process.MemorySource.read",
                           .expected = "rows within 0 … " + std::to_string(row_count()),
                           .received = std::to_string(rows.begin) + " … " + std::to_string(rows.end),
                           .place = {},
                           .hint = {}});
  }
  Table out;
  for (const std::string& name : columns) {
    const Column& column = table_->at(name);
    out.add({column.info,
             std::visit([rows](const auto& values) { return Column::Data(slice(values, rows)); }, column.data)});
  }
  return out;
}

}  // namespace luban::process
