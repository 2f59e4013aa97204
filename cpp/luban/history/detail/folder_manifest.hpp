#pragma once

#include <cstdint>
#include <filesystem>
#include <luban/core/json.hpp>
#include <luban/core/time.hpp>
#include <luban/process/table.hpp>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace luban::history::detail {

/// The file in a folder that makes it a history.
inline constexpr const char* manifest_name = "luban-history.json";
inline constexpr std::string_view segment_prefix = "segment-";
inline constexpr std::string_view segment_suffix = ".h5";
/// Whether a file bears a name that we give to segments.
[[nodiscard]] bool is_segment_name(std::string_view name);
/// Held shared by who reads the folder: while anybody does, replaced segments stay.
inline constexpr const char* readers_name = ".luban-history.readers";

/// A column that not every segment has, as the segment that has it says.
struct SegmentColumn {
  std::string path;  ///< of the dataset, or of the group of a trace
  process::ColumnInfo info;
};

/// What the manifest says of one import in a segment.
struct SegmentImport {
  std::int64_t time = core::UtcTime::missing_count;
  std::int64_t runs = 0, readings = 0;
  std::string input;   ///< name of what was imported
  std::string digest;  ///< SHA-256 of its bytes
};

/// What the manifest says of one segment; enough to choose segments without opening them.
struct SegmentEntry {
  std::string file;
  std::string sha256;  ///< of all bytes of the file
  std::int64_t bytes = 0;
  std::string content_digest;
  std::int64_t runs = 0, continued = 0, readings = 0, events = 0;
  std::map<std::string, std::int64_t> late;  ///< of each response: events for readings of earlier segments
  std::string first_run_id, last_run_id;     ///< in the order of texts
  std::int64_t first_start = core::UtcTime::missing_count, last_start = core::UtcTime::missing_count;
  std::vector<SegmentImport> imports;
  std::vector<SegmentColumn> columns;
  std::string previous;                     ///< link of the segment before; "" for the first
  std::string link;                         ///< SHA-256 over everything above
  [[nodiscard]] core::Json fields() const;  ///< everything but the link
  [[nodiscard]] bool adds_up() const;       ///< whether its imports brought the rows that it has
  [[nodiscard]] std::string computed_link() const;
};

/// The heads that the chain had, kept beside the folder, where a change inside does not reach: one line of JSON for
/// each write, `{"uuid", "time", "segments", "head", "reason"}`.
struct HeadRecord {
  std::string uuid;
  std::int64_t time = core::UtcTime::missing_count;
  std::int64_t segments = 0;
  std::string head;
  std::string reason;  ///< one of those below

  /// Whether the write was about to come: it counts when the list has that chain.
  [[nodiscard]] bool is_begun() const noexcept { return reason.ends_with("-begun"); }
};

/// The list of segments, oldest first.
struct FolderManifest {
  std::string uuid;
  std::int64_t created_time = core::UtcTime::missing_count;
  std::vector<SegmentEntry> segments;
  std::vector<std::string> replaced;  ///< files of segments that were merged, to be removed when nobody reads
  [[nodiscard]] std::string head() const { return segments.empty() ? std::string() : segments.back().link; }
  [[nodiscard]] std::string text() const;

  /// @throws IoError when the folder has none, IntegrityError when it is no manifest or its chain does not hold,
  /// VersionError when it is of a newer major version.
  [[nodiscard]] static FolderManifest read(const std::filesystem::path& folder);
  /// The same without looking at the chain: for who reports what is wrong with it.
  [[nodiscard]] static FolderManifest read_unchecked(const std::filesystem::path& folder);
  /// Names of the segments, and of those that they took the place of.
  [[nodiscard]] std::set<std::string> files() const;
  /// Whether its chain passes through a head.
  [[nodiscard]] bool passes(const HeadRecord& head) const;
  /// Puts it in place of the one before: whole, or not at all. @throws IoError.
  void write(const std::filesystem::path& folder) const;
};

inline constexpr const char* head_append = "append";
/// The first segment is about to come, where heads of an earlier folder of this name are.
inline constexpr const char* head_append_begun = "append-begun";
/// Segments were merged: a new chain.
inline constexpr const char* head_compact = "compact";
/// They are about to be: noted before the list is, so that a crash in between does not look like a removed tail.
inline constexpr const char* head_compact_begun = "compact-begun";
/// NAME.head beside the folder NAME.
[[nodiscard]] std::filesystem::path default_head_file(const std::filesystem::path& folder);
/// Lines that can be read, in their order; none when there is no such file. A last line that was cut is left out.
[[nodiscard]] std::vector<HeadRecord> read_heads(const std::filesystem::path& file);
/// Makes the file when there is none, and sees to it that it can be appended to. @throws IoError.
void require_head(const std::filesystem::path& file);
/// Appends a line and syncs it. @throws IoError.
void append_head(const std::filesystem::path& file, const HeadRecord& record);

}  // namespace luban::history::detail
