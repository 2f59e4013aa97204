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
#include <luban/history/filter.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// Which rows of a history, and as it was known when.
struct ViewOptions {
  process::Grain grain = process::Grain::readings;
  /// Only what was recorded until then; missing = everything.
  core::UtcTime as_of = {};
  /// Only these runs and their readings.
  RunFilter filter = {};
};

/// A channel of samples.
struct LUBAN_HISTORY_EXPORT TraceInfo {
  std::string name;
  std::string unit;
  std::int64_t period = 0;  ///< nanoseconds; 0 = each sample has its time
};

/// Samples of a channel, of the runs that have any: run `run_id[i]` owns those from offsets[i] to offsets[i + 1].
struct LUBAN_HISTORY_EXPORT TraceRows {
  std::vector<std::string> run_id;
  TraceColumn samples;
};

/// An open history, read-only: one row per reading. A file or a folder of files; both read alike.
///
/// Columns: run_id, repeat, reading_time; parameters, context, noise, identifiers and responses under the names of the
/// process; NAME.achieved for what the machine reached; auxiliary columns; start_time, end_time, status, group,
/// equipment, material_lot, recipe, source of the run. A name of the process hides a housekeeping column of the same
/// name, except run_id, repeat and reading_time. A response is the latest value that is not bad; NaN where there is
/// none.
class LUBAN_HISTORY_EXPORT HistorySource : public process::TableSource, public ArraySource {
 public:
  ~HistorySource() override;
  [[nodiscard]] process::Grain grain() const override { return process::Grain::readings; }

  /// Another view of the same history. With Grain::runs a row is a run: `readings` counts its readings, a response is
  /// the mean over its readings that have a value, a trace is its samples; repeat, reading_time, noise and auxiliary
  /// columns are left out. @throws DataError when the filter names a column or category that is not there.
  [[nodiscard]] virtual std::shared_ptr<const process::TableSource> view(const ViewOptions& options) const = 0;

  [[nodiscard]] virtual std::vector<TraceInfo> traces() const = 0;
  /// Samples with their times, of the runs that `options` choose; the grain does not matter.
  /// @throws DataError on an unknown channel.
  [[nodiscard]] virtual TraceRows trace(const std::string& name, const ViewOptions& options = {}) const = 0;

  [[nodiscard]] virtual const std::string& path() const noexcept = 0;  ///< "memory" when in memory
  [[nodiscard]] virtual const std::string& uuid() const noexcept = 0;
  [[nodiscard]] virtual core::UtcTime created_time() const noexcept = 0;
  /// SHA-256 that names the content, as stored: of a folder the end of its chain; verify() computes it anew.
  [[nodiscard]] virtual const std::string& content_digest() const noexcept = 0;
  [[nodiscard]] virtual const std::vector<ProcessVersion>& process_versions() const = 0;
  [[nodiscard]] process::Process process() const;  ///< the latest version
  [[nodiscard]] virtual const std::vector<Provenance>& provenance() const = 0;
  /// The last of each, without reading the others.
  [[nodiscard]] virtual ProcessVersion latest_version() const = 0;
  [[nodiscard]] virtual Provenance latest_import() const = 0;
  /// SHA-256 of the bytes of each import.
  [[nodiscard]] virtual std::vector<std::string> input_digests() const = 0;
  [[nodiscard]] virtual Quarantine quarantine() const = 0;
  [[nodiscard]] virtual Genealogy genealogy() const = 0;
  [[nodiscard]] virtual Recipes recipes() const = 0;
  /// All of it, in memory. @throws IntegrityError when rows refer to rows that are not there.
  [[nodiscard]] virtual Content content() const = 0;
};

/// A history in one file, or in memory.
class LUBAN_HISTORY_EXPORT HistoryFile final : public HistorySource {
 public:
  /// @throws IoError when the file is missing, IntegrityError when it is no HDF5, no history, truncated or damaged, or
  /// one segment of several, VersionError when a newer program wrote it.
  [[nodiscard]] static std::shared_ptr<const HistoryFile> open(const std::filesystem::path& path);
  /// The same file in memory, never on a disk. @throws DataError when `content` contradicts itself.
  [[nodiscard]] static std::shared_ptr<const HistoryFile> in_memory(Content content,
                                                                    const core::CallControl& control = {});
  ~HistoryFile() override;

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override;
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  /// @throws DataError on an unknown column or a range beyond the end, IntegrityError when the data is damaged.
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;
  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;
  [[nodiscard]] std::shared_ptr<const process::TableSource> view(const ViewOptions& options) const override;
  [[nodiscard]] std::vector<TraceInfo> traces() const override;
  [[nodiscard]] TraceRows trace(const std::string& name, const ViewOptions& options = {}) const override;
  [[nodiscard]] const std::string& path() const noexcept override;
  [[nodiscard]] const std::string& uuid() const noexcept override;
  [[nodiscard]] core::UtcTime created_time() const noexcept override;
  [[nodiscard]] const std::string& content_digest() const noexcept override;
  [[nodiscard]] const std::vector<ProcessVersion>& process_versions() const override;
  [[nodiscard]] const std::vector<Provenance>& provenance() const override;
  [[nodiscard]] ProcessVersion latest_version() const override;
  [[nodiscard]] Provenance latest_import() const override;
  [[nodiscard]] std::vector<std::string> input_digests() const override;
  [[nodiscard]] Quarantine quarantine() const override;
  [[nodiscard]] Genealogy genealogy() const override;
  [[nodiscard]] Recipes recipes() const override;
  [[nodiscard]] Content content() const override;

 private:
  struct Impl;
  explicit HistoryFile(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// A history in a folder of segments. While it is open, segments that a compaction replaces stay in their place: it
/// reads the state that it was opened in.
class LUBAN_HISTORY_EXPORT HistoryFolder final : public HistorySource {
 public:
  /// `earlier`: a look at the same folder; segments that both have and that it used last need not be opened again.
  /// @throws IoError when the folder holds no history, IntegrityError when its list of segments or the newest segment
  /// is damaged, VersionError when a newer program wrote it. Other segments are looked at when they are read.
  [[nodiscard]] static std::shared_ptr<const HistoryFolder> open(const std::filesystem::path& folder,
                                                                 const HistoryFolder* earlier = nullptr);
  ~HistoryFolder() override;

  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override;
  [[nodiscard]] std::size_t row_count() const override;
  [[nodiscard]] std::vector<process::RowRange> blocks() const override;
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override;
  [[nodiscard]] std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                            process::RowRange rows) const override;
  [[nodiscard]] std::shared_ptr<const process::TableSource> view(const ViewOptions& options) const override;
  [[nodiscard]] std::vector<TraceInfo> traces() const override;
  [[nodiscard]] TraceRows trace(const std::string& name, const ViewOptions& options = {}) const override;
  [[nodiscard]] const std::string& path() const noexcept override;
  [[nodiscard]] const std::string& uuid() const noexcept override;
  [[nodiscard]] core::UtcTime created_time() const noexcept override;
  [[nodiscard]] const std::string& content_digest() const noexcept override;
  [[nodiscard]] const std::vector<ProcessVersion>& process_versions() const override;
  [[nodiscard]] const std::vector<Provenance>& provenance() const override;
  [[nodiscard]] ProcessVersion latest_version() const override;
  [[nodiscard]] Provenance latest_import() const override;
  [[nodiscard]] std::vector<std::string> input_digests() const override;
  [[nodiscard]] Quarantine quarantine() const override;
  [[nodiscard]] Genealogy genealogy() const override;
  [[nodiscard]] Recipes recipes() const override;
  [[nodiscard]] Content content() const override;
  [[nodiscard]] std::size_t segment_count() const noexcept;

 private:
  struct Impl;
  explicit HistoryFolder(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// Opens a file or a folder. @throws as HistoryFile::open and HistoryFolder::open.
[[nodiscard]] LUBAN_HISTORY_EXPORT std::shared_ptr<const HistorySource> open_history(const std::filesystem::path& path);

}  // namespace luban::history
