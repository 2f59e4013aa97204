#pragma once

#include <luban/history/detail/key_join.hpp>
#include <luban/history/detail/segment_files.hpp>
#include <luban/history/detail/view.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace luban::history::detail {

/// The join of a folder, made when it is first needed and shared by all views.
class SharedJoin {
 public:
  explicit SharedJoin(std::shared_ptr<const SegmentFiles> files) : files_(std::move(files)) {}
  /// Whether any segment refers to another one.
  [[nodiscard]] bool needed() const;
  /// Whether any segment has events for readings of another one.
  [[nodiscard]] bool has_late() const;
  [[nodiscard]] const KeyJoin& get() const;

 private:
  std::shared_ptr<const SegmentFiles> files_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const KeyJoin> join_;
};

/// The segments of a folder as one source: the rows of the first, then of the second, and so on. Const calls are
/// thread-safe. Segments are opened when rows of them are read, or when a filter has to look into them.
class FolderView final : public process::TableSource, public ArraySource {
 public:
  FolderView(std::shared_ptr<const SegmentFiles> files, std::shared_ptr<const SharedJoin> join,
             const ViewOptions& options);

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override { return rows_; }
  [[nodiscard]] process::Grain grain() const override { return options_.grain; }
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;
  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;

  /// As View::trace_rows; of a run that several segments have samples for, the first.
  [[nodiscard]] TraceRows trace_rows(const std::string& name) const;

 private:
  /// Rows of one segment in this view.
  struct Part {
    std::size_t segment;
    std::size_t first;  ///< row of the view
    std::size_t rows;
    std::size_t sources;  ///< imports in segments before it
  };
  void require_known_columns() const;
  void choose_parts();
  [[nodiscard]] bool may_match(const SegmentEntry& entry) const;
  [[nodiscard]] bool is_filtered() const noexcept { return !wanted_.empty() || !options_.filter.empty(); }
  [[nodiscard]] std::shared_ptr<const View> view(const Part& part) const;
  void make_columns();
  /// Whether it is made for runs from readings that may lie in several segments.
  [[nodiscard]] bool is_computed(const ViewColumn& column) const noexcept;
  [[nodiscard]] process::Table read_part(const Part& part, const std::vector<const ViewColumn*>& columns,
                                         process::RowRange rows) const;
  [[nodiscard]] process::Column derived(const ViewColumn& column, process::RowRange rows) const;
  [[nodiscard]] std::vector<double> derive(const ViewColumn& column) const;
  [[nodiscard]] process::Column traces(const ViewColumn& column, process::RowRange rows) const;
  template <typename Visit>
  void for_each_run(const Part& part, const View& own, process::RowRange rows, const Visit& visit) const;
  [[nodiscard]] const Part* part_of(std::size_t segment) const noexcept;

  std::shared_ptr<const SegmentFiles> files_;
  std::shared_ptr<const SharedJoin> join_;
  ViewOptions options_;               ///< without the names of runs in its filter
  std::vector<std::string> wanted_;   ///< names of runs that are asked for, ascending; empty: all
  std::vector<std::string> sources_;  ///< names of all imports
  std::vector<Part> parts_;
  std::vector<ViewColumn> columns_;
  std::size_t rows_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::size_t, std::shared_ptr<const View>> views_;  ///< by segment
  mutable std::map<std::string, std::vector<double>> derived_;
};

}  // namespace luban::history::detail
