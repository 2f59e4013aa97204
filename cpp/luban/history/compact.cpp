#include <luban/core/error.hpp>
#include <luban/history/compact.hpp>
#include <luban/history/detail/folder_writer.hpp>
#include <luban/history/detail/join_contents.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/segment_files.hpp>
#include <numeric>
#include <vector>

namespace luban::history {
namespace {

using Segments = std::vector<detail::SegmentEntry>;

/// Bytes of all columns of a segment when they are loaded: equal samples may take a thousandth of them on disk.
std::int64_t loaded_bytes(const std::filesystem::path& folder, const detail::SegmentEntry& segment) {
  detail::require_segment(folder, segment);
  const detail::TreeFile file(folder / segment.file);
  std::size_t bytes = 0;
  for (const auto& [path, info] : file.datasets()) {
    file.require_readable(path);
    const bool text = info.kind == detail::StoredKind::text;
    bytes += info.count * (info.element_size + (text ? sizeof(std::string) : 0));
  }
  return static_cast<std::int64_t>(bytes);
}

/// End of the segments from `first` on that fit into one.
std::size_t end_of_group(const detail::FolderWriter& writer, std::size_t first, const CompactOptions& options) {
  const Segments& segments = writer.manifest().segments;
  std::int64_t readings = segments[first].readings;
  std::int64_t bytes = 0;
  std::size_t end = first + 1;
  for (; end < segments.size(); ++end) {
    if (segments[end].readings > options.most_readings - readings) break;
    readings += segments[end].readings;
    if (end == first + 1) bytes = loaded_bytes(writer.folder(), segments[first]);
    bytes += loaded_bytes(writer.folder(), segments[end]);
    if (bytes > options.most_bytes) break;
  }
  return end;
}

std::int64_t total_bytes(const Segments& segments) {
  return std::accumulate(segments.begin(), segments.end(), std::int64_t{0},
                         [](std::int64_t sum, const detail::SegmentEntry& entry) { return sum + entry.bytes; });
}

/// A merge makes a new chain, in which a changed segment could no longer be told from what was written.
void require_as_written(const std::filesystem::path& file, const detail::SegmentEntry& entry) {
  const detail::FileBytes bytes = detail::hash_file(file);
  if (bytes.sha256 == entry.sha256 && bytes.count == entry.bytes) return;
  throw core::IntegrityError({.where = "history.compact",
                              .expected = "the bytes that were written",
                              .received = "others",
                              .place = file.string(),
                              .hint = "restore the segment from a backup; `luban verify` says what is wrong with it"});
}

Content joined(const detail::FolderWriter& writer, std::size_t first, std::size_t last,
               const core::CallControl& control) {
  std::vector<Content> parts;
  for (std::size_t k = first; k < last; ++k) {
    control.check("history.compact");
    const detail::SegmentEntry& entry = writer.manifest().segments[k];
    require_as_written(writer.folder() / entry.file, entry);
    const detail::TreeFile file(writer.folder() / entry.file);
    parts.push_back(detail::load_content(file));
    detail::require_consistent(parts.back(), file.path());
  }
  return detail::join_contents(std::move(parts));
}

}  // namespace

CompactReport compact(const std::filesystem::path& folder, const CompactOptions& options,
                      const WriteOptions& write_options, const std::filesystem::path& head,
                      const core::CallControl& control) {
  static_cast<void>(detail::FolderManifest::read(folder));  // a folder that is no history is not made one
  detail::FolderWriter writer(folder, write_options, head, "history.compact");
  const Segments& segments = writer.manifest().segments;
  CompactReport report;
  report.segments_before = static_cast<std::int64_t>(segments.size());
  report.bytes_before = total_bytes(segments);
  for (std::size_t first = 0; first < segments.size(); ++first) {
    control.check("history.compact");
    const std::size_t end = end_of_group(writer, first, options);
    if (end - first > 1) writer.replace(first, end, joined(writer, first, end, control), control);
    control.report({.phase = "compact",
                    .done = static_cast<std::int64_t>(first) + 1,
                    .total = static_cast<std::int64_t>(segments.size())});
  }
  report.files_left = static_cast<std::int64_t>(writer.remove_replaced());
  report.segments_after = static_cast<std::int64_t>(segments.size());
  report.bytes_after = total_bytes(segments);
  report.content_digest = writer.manifest().head();
  return report;
}

}  // namespace luban::history
