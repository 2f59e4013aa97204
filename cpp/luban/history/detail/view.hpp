#pragma once

#include <luban/history/detail/schema.hpp>
#include <luban/history/reader.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Where a column of the reader's schema comes from.
enum class Origin {
  run,        ///< a column of runs, reached through readings.run
  reading,    ///< a column of readings
  repeat,     ///< stored as int64, read as numbers
  response,   ///< the latest events
  run_count,  ///< number of readings of a run
};
struct ViewColumn {
  process::ColumnInfo info;
  Origin origin;
  std::string path;
};

/// The columns that a view of this grain offers, in their order.
[[nodiscard]] std::vector<ViewColumn> view_columns(const TreeFile& file, const std::vector<Provenance>& provenance,
                                                   process::Grain grain);

/// One grain of one file as of one time. Const calls are thread-safe; what is expensive is made once and kept.
class View final : public process::TableSource, public ArraySource {
 public:
  View(std::shared_ptr<const TreeFile> file, const std::vector<Provenance>& provenance, const ViewOptions& options);

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override { return rows_; }
  [[nodiscard]] process::Grain grain() const override { return options_.grain; }
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;
  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;

 private:
  using Index = std::vector<std::int64_t>;
  [[nodiscard]] const ViewColumn& column(const std::string& name) const;
  void require_rows(process::RowRange rows) const;
  /// The dataset whose rows are the rows of this view, value for value; nothing when the column is joined or computed.
  [[nodiscard]] std::optional<std::string> direct_dataset(const ViewColumn& column) const;
  [[nodiscard]] process::Column read_column(const ViewColumn& column, process::RowRange rows,
                                            const std::vector<std::int64_t>& run_rows) const;
  [[nodiscard]] std::vector<double> read_response(const ViewColumn& column, process::RowRange rows) const;
  [[nodiscard]] std::vector<double> run_means(const ViewColumn& column) const;
  [[nodiscard]] std::vector<double> run_counts() const;
  /// Event of each visible reading, −1 where there is none; nullptr = event i belongs to reading i for all.
  [[nodiscard]] std::shared_ptr<const Index> latest_events(const std::string& response) const;
  [[nodiscard]] std::shared_ptr<const Index> find_latest_events(const std::string& response) const;

  std::shared_ptr<const TreeFile> file_;
  ViewOptions options_;
  std::vector<ViewColumn> columns_;
  std::size_t readings_ = 0;  ///< readings that are visible
  std::size_t runs_ = 0;
  std::size_t rows_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Index>> latest_;
  mutable std::map<std::string, std::vector<double>> means_;
};

}  // namespace luban::history::detail
