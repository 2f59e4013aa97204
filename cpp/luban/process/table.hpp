#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <luban/process/export.hpp>

namespace luban::process {

enum class ColumnKind { float64, time, code, string, ragged_float32 };
[[nodiscard]] LUBAN_PROCESS_EXPORT std::string_view name(ColumnKind kind) noexcept;

/// Ragged samples: row i owns values[offsets[i] … offsets[i+1]).
struct LUBAN_PROCESS_EXPORT Ragged {
  std::vector<float> values;
  std::vector<std::int64_t> offsets{0};
};

/// What a column is, without its data.
struct LUBAN_PROCESS_EXPORT ColumnInfo {
  std::string name;
  std::string unit;
  ColumnKind kind = ColumnKind::float64;
  std::vector<std::string> categories;  ///< for ColumnKind::code; missing = −1
};

/// One named column. Missing: NaN, the smallest int64 (time), −1 (code), "" (string).
struct LUBAN_PROCESS_EXPORT Column {
  using Data = std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::int32_t>,
                            std::vector<std::string>, Ragged>;
  ColumnInfo info;
  Data data;
  [[nodiscard]] std::size_t size() const noexcept;

  [[nodiscard]] static Column float64(std::string name, std::string unit, std::vector<double> values);
  [[nodiscard]] static Column time(std::string name, std::vector<std::int64_t> utc_nanoseconds);
  [[nodiscard]] static Column code(std::string name, std::vector<std::string> categories,
                                   std::vector<std::int32_t> codes);
  [[nodiscard]] static Column string(std::string name, std::vector<std::string> values);
  [[nodiscard]] static Column ragged(std::string name, std::string unit, Ragged values);
};

/// Columns of equal length under unique names.
class LUBAN_PROCESS_EXPORT Table {
 public:
  Table() = default;
  /// @throws DataError on a name used twice, unequal lengths, or a code outside its categories.
  explicit Table(std::vector<Column> columns);
  void add(Column column);

  [[nodiscard]] std::size_t row_count() const noexcept;
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
  [[nodiscard]] const Column* find(const std::string& name) const noexcept;
  [[nodiscard]] const Column& at(const std::string& name) const;  ///< @throws DataError naming the nearest column
  // Typed access. @throws DataError when the column is absent or of another kind.
  [[nodiscard]] const std::vector<double>& numbers(const std::string& name) const;
  [[nodiscard]] const std::vector<std::int64_t>& times(const std::string& name) const;
  [[nodiscard]] const std::vector<std::int32_t>& codes(const std::string& name) const;
  [[nodiscard]] const std::vector<std::string>& strings(const std::string& name) const;

 private:
  std::vector<Column> columns_;
};

/// Half-open range of rows.
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// What one row of a source stands for.
enum class Grain { readings, runs };

/// Anything that rows can be read from: a history file, a table in memory. Const and thread-safe.
class LUBAN_PROCESS_EXPORT TableSource {
 public:
  virtual ~TableSource();
  [[nodiscard]] virtual std::vector<ColumnInfo> schema() const = 0;
  [[nodiscard]] virtual std::size_t row_count() const = 0;
  [[nodiscard]] virtual Grain grain() const = 0;
  /// Ranges that are cheap to read whole (chunk-aligned), in order, covering every row.
  [[nodiscard]] virtual std::vector<RowRange> blocks() const = 0;
  /// @throws DataError on an unknown column or a range beyond the end.
  [[nodiscard]] virtual Table read(const std::vector<std::string>& columns, RowRange rows) const = 0;
};

/// A table in memory as a source.
class LUBAN_PROCESS_EXPORT MemorySource final : public TableSource {
 public:
  MemorySource(std::shared_ptr<const Table> table, Grain grain);
  [[nodiscard]] std::vector<ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override;
  [[nodiscard]] Grain grain() const override { return grain_; }
  [[nodiscard]] std::vector<RowRange> blocks() const override;
  [[nodiscard]] Table read(const std::vector<std::string>& columns, RowRange rows) const override;

 private:
  std::shared_ptr<const Table> table_;
  Grain grain_;
};

}  // namespace luban::process
