#pragma once

#include <cstdint>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/selection.hpp>
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
  quality,    ///< what the latest event says of a response's value; the path is that of the response
  stated,     ///< the value of the latest event, were it a bad one
  run_count,  ///< number of readings of a run
  trace,      ///< samples of a run
};
struct ViewColumn {
  process::ColumnInfo info;
  Origin origin;
  std::string path;
  bool listed = true;         ///< false: read by its path alone, for a name of the process may hide its own
  std::string response = {};  ///< that an unlisted column is about
};

/// The columns that a view of this grain offers, in their order; then those of /runs under their paths, not listed.
[[nodiscard]] std::vector<ViewColumn> view_columns(const TreeFile& file, const std::vector<std::string>& sources,
                                                   process::Grain grain);

/// Those that a schema shows.
[[nodiscard]] std::vector<process::ColumnInfo> listed(const std::vector<ViewColumn>& columns);
/// @throws DataError naming the nearest listed column when there is none of that name.
[[nodiscard]] const ViewColumn& find_column(const std::vector<ViewColumn>& columns, const std::string& name,
                                            const std::string& place);
/// A response's name and path.
using ResponsePlace = std::pair<std::string, std::string>;
/// Appends what a view of readings offers of each response without listing it: how far its value can be trusted, under
/// the response's name and `.quality`, unless a column of that name is there, and under its path; and the value of its
/// latest event, were it a bad one, under its path. These paths are ours: a column of somebody's own that is called so
/// cannot be read by its name.
void add_unlisted(std::vector<ViewColumn>& columns, const std::vector<ResponsePlace>& responses);
/// Names of the latter.
[[nodiscard]] std::string quality_name(const std::string& response);
[[nodiscard]] std::string stated_name(const std::string& response);
/// @throws DataError when rows do not lie within 0 and `count`.
void require_rows(process::RowRange rows, std::size_t count, const std::string& place);

/// Names in which no two are alike: from the second on, a name that was there before gets its number.
[[nodiscard]] std::vector<std::string> numbered(std::vector<std::string> names);
/// Names of imports.
[[nodiscard]] std::vector<std::string> input_names(const std::vector<Provenance>& provenance);

/// Of a response of which the file has no event.
inline const std::string no_path;

/// Values of a response that other segments hold for readings of this file: rows of readings in ascending order.
struct LateValues {
  std::vector<std::int64_t> row;
  std::vector<double> value;
  std::vector<std::int32_t> quality;
};
/// Of each response, by its name.
using LateByResponse = std::map<std::string, LateValues>;

/// What a file is within a history of several.
struct ViewPlace {
  std::vector<std::string> sources;  ///< names of all imports of the history; empty = those of the file
  std::int32_t first_source = 0;     ///< number of the file's first import among them
  LateByResponse late = {};
};

/// @throws DataError naming the nearest channel when there is none of that name.
void require_trace(const std::vector<TraceInfo>& known, const std::string& name, const std::string& place);

/// Sums of a response over the readings of each run that have a value, and how many those are.
struct RunSums {
  std::vector<double> sum;
  std::vector<double> count;
};

/// One grain of one file as of one time, of the runs that a filter lets through. Const calls are thread-safe; what is
/// expensive is made once and kept.
class View final : public process::TableSource, public ArraySource {
 public:
  View(std::shared_ptr<const TreeFile> file, const std::vector<Provenance>& provenance, const ViewOptions& options,
       ViewPlace place = {});

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override { return rows_; }
  [[nodiscard]] process::Grain grain() const override { return options_.grain; }
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;
  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;

  [[nodiscard]] bool has(const std::string& name) const noexcept;
  /// Whether it has a column of that name which comes from where that of the whole history comes from.
  [[nodiscard]] bool has(const ViewColumn& column) const noexcept;
  /// The chosen runs, as rows of the file: own ones, then those that earlier segments have.
  [[nodiscard]] const Ranges& runs() const noexcept { return run_ranges_; }
  [[nodiscard]] std::size_t own_run_count() const noexcept { return own_rows_; }
  /// Of the chosen runs, in their order; an unknown response has no values.
  [[nodiscard]] RunSums run_sums(const std::string& response) const;
  [[nodiscard]] std::vector<double> run_counts() const;
  /// The samples of a channel with their times, of the chosen runs that have any; none when the file has no such
  /// channel.
  [[nodiscard]] TraceRows trace_rows(const std::string& name) const;
  /// The samples of a channel, of `runs` (rows of the file) in their order; none when the file has no such channel.
  [[nodiscard]] process::Ragged run_samples(const std::string& trace, const Ranges& runs) const;

 private:
  using Index = std::vector<std::int64_t>;
  /// The dataset whose rows are the rows of this grain, value for value; nothing when the column is joined or computed.
  [[nodiscard]] std::optional<std::string> direct_dataset(const ViewColumn& column) const;
  [[nodiscard]] process::Table read_piece(const std::vector<std::string>& columns, const Piece& piece) const;
  [[nodiscard]] process::Table read_span(const std::vector<std::string>& columns, process::RowRange span) const;
  [[nodiscard]] process::Column read_column(const ViewColumn& column, process::RowRange span,
                                            const Index& run_rows) const;
  [[nodiscard]] process::Column read_run_column(const ViewColumn& column, process::RowRange span,
                                                const Index& run_rows) const;
  [[nodiscard]] ColumnData whole_history(const std::string& path, ColumnData data) const;
  [[nodiscard]] process::Column read_trace(const ViewColumn& column, process::RowRange span) const;
  /// Of a stored channel, given by its path; one range for each run.
  [[nodiscard]] Ranges sample_ranges(const std::string& trace, const Ranges& runs) const;
  [[nodiscard]] process::Ragged samples(const std::string& trace, const Ranges& runs) const;
  [[nodiscard]] std::vector<double> read_response(const ViewColumn& column, process::RowRange span) const;
  [[nodiscard]] std::vector<double> stored_response(const std::string& path, process::RowRange span) const;
  [[nodiscard]] std::vector<double> read_stated(const ViewColumn& column, process::RowRange span) const;
  [[nodiscard]] std::vector<std::int32_t> read_quality(const ViewColumn& column, process::RowRange span) const;
  /// What the latest events of the file say.
  template <typename T>
  [[nodiscard]] std::vector<T> stored_events(const std::string& response, const char* dataset, process::RowRange span,
                                             T missing, bool bad_too) const;
  /// What the latest events of the history say, bad ones too.
  template <typename T>
  [[nodiscard]] std::vector<T> latest_stated(const ViewColumn& column, const char* dataset,
                                             const std::vector<T> LateValues::*said, process::RowRange span,
                                             T missing) const;
  [[nodiscard]] std::vector<double> derived(const ViewColumn& column) const;
  template <typename Visit>
  void for_each_reading_block(const Visit& visit) const;
  /// Event of each visible reading, −1 where there is none; nullptr = event i belongs to reading i for all.
  [[nodiscard]] std::shared_ptr<const Index> latest_events(const std::string& response) const;
  [[nodiscard]] std::shared_ptr<const Index> find_latest_events(const std::string& response) const;
  [[nodiscard]] bool events_in_order(const std::string& response) const;

  std::shared_ptr<const TreeFile> file_;
  ViewOptions options_;
  ViewPlace place_;
  std::vector<ViewColumn> columns_;
  std::size_t imports_ = 0;   ///< imports of the file that were known then
  std::size_t readings_ = 0;  ///< readings of the file that were known then
  bool is_segment_ = false;
  Ranges run_ranges_;         ///< chosen rows of /runs: own runs, then continued ones
  std::size_t own_rows_ = 0;  ///< how many of them are own runs
  Ranges reading_ranges_;     ///< and of /readings
  std::size_t rows_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Index>> latest_;
  mutable std::map<std::string, std::vector<double>> derived_;  ///< columns of the run grain that are computed
};

}  // namespace luban::history::detail
