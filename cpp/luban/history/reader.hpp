#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/time.hpp>
#include <luban/history/array_source.hpp>
#include <luban/history/content.hpp>
#include <luban/history/export.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// Which rows of a history, and as it was known when.
struct ViewOptions {
  process::Grain grain = process::Grain::readings;
  /// Only what was recorded until then; missing = everything.
  core::UtcTime as_of;
};

/// An open history, read-only: one row per reading.
///
/// Columns: run_id, repeat, reading_time; parameters, context, noise, identifiers and responses under the names of the
/// process; auxiliary columns; start_time, end_time, status, group, equipment, material_lot, recipe, source of the run.
/// A name of the process hides a housekeeping column of the same name, except run_id, repeat and reading_time. A
/// response is the latest value that is not bad; NaN where there is none.
class LUBAN_HISTORY_EXPORT HistoryFile final : public process::TableSource, public ArraySource {
 public:
  /// @throws IoError when the file is missing, IntegrityError when it is no HDF5, no history, truncated or damaged,
  /// VersionError when a newer program wrote it.
  [[nodiscard]] static std::shared_ptr<const HistoryFile> open(const std::filesystem::path& path);
  /// The same file in memory, never on a disk. @throws DataError when `content` contradicts itself.
  [[nodiscard]] static std::shared_ptr<const HistoryFile> in_memory(Content content,
                                                                    const core::CallControl& control = {});
  ~HistoryFile() override;

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override;
  [[nodiscard]] process::Grain grain() const override { return process::Grain::readings; }
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  /// @throws DataError on an unknown column or a range beyond the end, IntegrityError when the data is damaged.
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;

  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;

  /// Another view of the same file. With Grain::runs a row is a run: `readings` counts its readings, a response is
  /// the mean over its readings that have a value; repeat, reading_time, noise and auxiliary columns are left out.
  [[nodiscard]] std::shared_ptr<const process::TableSource> view(const ViewOptions& options) const;

  [[nodiscard]] const std::string& path() const noexcept;  ///< "memory" when in memory
  [[nodiscard]] const std::string& uuid() const noexcept;
  [[nodiscard]] core::UtcTime created_time() const noexcept;
  [[nodiscard]] const std::string& content_digest() const noexcept;  ///< as stored; verify() computes it anew
  [[nodiscard]] const std::vector<ProcessVersion>& process_versions() const noexcept;
  [[nodiscard]] process::Process process() const;  ///< the latest version
  [[nodiscard]] const std::vector<Provenance>& provenance() const noexcept;
  [[nodiscard]] Quarantine quarantine() const;
  /// All of it, in memory. @throws IntegrityError when rows refer to rows that are not there.
  [[nodiscard]] Content content() const;

 private:
  struct Impl;
  explicit HistoryFile(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace luban::history
