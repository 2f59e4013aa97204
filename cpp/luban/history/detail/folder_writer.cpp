#include <algorithm>
#include <charconv>
#include <luban/core/durable_file.hpp>
#include <luban/core/error.hpp>
#include <luban/history/detail/folder_writer.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/segment_files.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/history/detail/written_file.hpp>
#include <optional>
#include <set>

namespace luban::history::detail {
namespace {

namespace fs = std::filesystem;

std::int64_t number_of(const std::string& file) {
  std::int64_t number = 0;
  if (!is_segment_name(file)) return number;
  std::from_chars(file.data() + segment_prefix.size(), file.data() + file.size(), number);
  return number;
}

/// Makes a folder whose name lasts, and those above it. Of a folder that is there nobody knows whether its name was
/// synced: it is again, until there is a history.
fs::path made_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(fs::absolute(folder), error);
  std::vector<fs::path> unsynced = {whole.has_filename() ? whole : whole.parent_path()};  // a slash may end it
  while (unsynced.back().has_parent_path() && !fs::exists(unsynced.back().parent_path(), error)) {
    unsynced.push_back(unsynced.back().parent_path());
  }
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder)) {
    throw core::IoError({.where = "history.append",
                         .expected = "to make the folder",
                         .received = error ? error.message() : "something that is not a folder",
                         .place = folder.string(),
                         .hint = "a folder of segments; a single file is written by its own name"});
  }
  if (!fs::exists(folder / manifest_name)) {
    for (const fs::path& made : unsynced) core::sync_folder(made.parent_path(), "history.append");
  }
  return folder;
}

/// Columns that other segments may lack.
std::vector<SegmentColumn> own_columns(const Content& content) {
  std::vector<SegmentColumn> columns;
  const auto add = [&columns](const process::Table& table, const std::string& group, const char* end) {
    for (const process::Column& column : table.columns()) {
      SegmentColumn one{group + encode_name(column.info.name) + end, column.info};
      if (*end != '\0') one.info.name += ".achieved";
      columns.push_back(std::move(one));
    }
  };
  add(content.runs.achieved, "/parameters/", "/achieved");
  add(content.runs.identifiers, "/identifiers/", "");
  add(content.readings.auxiliary, "/auxiliary/", "");
  for (const ResponseEvents& events : content.responses) {
    columns.push_back(
        {"/responses/" + encode_name(events.name),
         {.name = events.name, .unit = events.unit, .kind = process::ColumnKind::float64, .categories = {}}});
  }
  for (const TraceColumn& trace : content.traces) {
    columns.push_back(
        {"/traces/" + encode_name(trace.name),
         {.name = trace.name, .unit = trace.unit, .kind = process::ColumnKind::ragged_float32, .categories = {}}});
  }
  return columns;
}

using Heads = std::vector<HeadRecord>;

/// What the file of heads says; nothing of a damaged one, which `luban verify` tells of: it does not stop what is being
/// recorded.
std::optional<Heads> noted_heads(const fs::path& file) {
  try {
    return read_heads(file);
  } catch (const core::IntegrityError&) {
    return std::nullopt;
  }
}

/// Whether heads may tell of an acknowledged write of the history that a segment is of; where either cannot be read
/// they may.
bool may_know(const std::optional<Heads>& heads, const fs::path& segment) {
  if (!heads) return true;
  if (heads->empty()) return false;
  try {
    const TreeFile file(segment);
    const std::string uuid = text_attribute(file.groups().at("/"), "uuid");
    return std::any_of(heads->begin(), heads->end(),
                       [&](const HeadRecord& head) { return head.uuid == uuid && !head.is_begun(); });
  } catch (const core::Error&) {
    return true;
  }
}

HeadRecord head_record(const FolderManifest& manifest, const char* reason) {
  return {manifest.uuid, core::UtcTime::now().since_epoch().count(),
          static_cast<std::int64_t>(manifest.segments.size()), manifest.head(), reason};
}

void take_bounds(SegmentEntry& entry, const Runs& runs) {
  for (const std::string& id : runs.run_id) {
    if (entry.first_run_id.empty() || id < entry.first_run_id) entry.first_run_id = id;
    if (entry.last_run_id < id) entry.last_run_id = id;
  }
  for (const std::int64_t time : runs.start_time) {
    if (time == core::UtcTime::missing_count) continue;
    if (entry.first_start == core::UtcTime::missing_count || time < entry.first_start) entry.first_start = time;
    entry.last_start = std::max(entry.last_start, time);
  }
}

SegmentEntry describe(const Content& content) {
  SegmentEntry entry;
  entry.continued = content.segment ? content.segment->continued : 0;
  entry.runs = static_cast<std::int64_t>(content.runs.size()) - entry.continued;
  entry.readings = static_cast<std::int64_t>(content.readings.size());
  for (const ResponseEvents& events : content.responses) {
    entry.events += static_cast<std::int64_t>(events.size());
    if (!events.late_run_id.empty()) entry.late[events.name] = static_cast<std::int64_t>(events.late_run_id.size());
  }
  take_bounds(entry, content.runs);
  for (const Provenance& import : content.provenance) {
    entry.imports.push_back({import.time, import.runs, import.readings, import.input_name, import.input_digest});
  }
  entry.columns = own_columns(content);
  return entry;
}

void chain(FolderManifest& manifest, std::size_t from) {
  for (std::size_t k = from; k < manifest.segments.size(); ++k) {
    SegmentEntry& entry = manifest.segments[k];
    entry.previous = k == 0 ? std::string() : manifest.segments[k - 1].link;
    entry.link = entry.computed_link();
  }
}

}  // namespace

FolderWriter::FolderWriter(const fs::path& folder, WriteOptions options, const fs::path& head, const std::string& where)
    : folder_(made_folder(folder)),
      options_(std::move(options)),
      head_(fs::absolute(head.empty() ? default_head_file(folder_) : head)),
      lock_(std::in_place, folder_ / manifest_name, where) {
  if (!fs::exists(folder_ / manifest_name)) {
    const bool others = std::any_of(fs::directory_iterator(folder_), fs::directory_iterator(), [](const auto& entry) {
      return entry.path().filename().string().front() != '.' && !is_segment_name(entry.path().filename().string());
    });
    if (others) {
      throw core::IoError({.where = where,
                           .expected = "an empty folder or a history",
                           .received = "a folder of other files",
                           .place = folder_.string(),
                           .hint = "name a folder of its own for the history"});
    }
  }
  require_head(head_);
  refresh();
  remove_replaced();
}

// A write that failed may have become visible before it did: only the disk knows.
void FolderWriter::refresh() {
  if (!in_doubt_) return;
  const bool listed = fs::exists(folder_ / manifest_name);
  manifest_ = listed ? FolderManifest::read(folder_) : FolderManifest{};
  remove_leftovers(listed);
  static_cast<void>(nobody_reads(folder_));  // makes the file that readers hold on to
  in_doubt_ = false;
}

void FolderWriter::remove_file(const fs::path& file) const {
  std::error_code error;
  fs::remove(file, error);
  if (!error) return;
  throw core::IoError({.where = "history.write",
                       .expected = "to remove a file that no segment is",
                       .received = error.message(),
                       .place = file.string(),
                       .hint = "check the folder and its permissions"});
}

[[noreturn]] void FolderWriter::refuse_list(const std::string& received) const {
  throw core::IntegrityError({.where = "history.write",
                              .expected = "a list of all segments of the folder",
                              .received = received,
                              .place = (folder_ / manifest_name).string(),
                              .hint = "restore " + std::string(manifest_name) + ", the segments and " + head_.string() +
                                      " of one backup together; `luban verify` says what is missing"});
}

// Whether the file of heads says that the list was elsewhere last; one that says nothing of this history denies
// nothing.
bool FolderWriter::is_outdated(std::vector<HeadRecord> heads) const {
  std::erase_if(heads, [this](const HeadRecord& head) {
    return head.uuid != manifest_.uuid || (head.is_begun() && !manifest_.passes(head));
  });
  return !heads.empty() && !manifest_.passes(heads.back());
}

// A segment that no list names was never acknowledged when a crash came between its renaming and that of the list: it
// bears the next free name, and the file of heads does not know it. Any other one is somebody's data. What this writer
// itself failed to publish is removed, so that a full disk does not fill up.
void FolderWriter::remove_leftovers(bool listed) {
  const std::set<std::string> known = manifest_.files();
  const std::string next = free_name();
  std::vector<fs::path> partial;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    const bool ours =
        name.starts_with("." + std::string(segment_prefix)) || name.starts_with("." + std::string(manifest_name));
    if (ours && name.ends_with(".partial")) partial.push_back(entry.path());
    if (is_segment_name(name) && known.count(name) == 0 && name != next) refuse_list("none that names " + name);
  }
  const bool left = fs::exists(folder_ / next);
  if (left) {
    const std::optional<Heads> heads = noted_heads(head_);
    if (!listed && may_know(heads, folder_ / next)) refuse_list("no list beside " + next);
    if (listed && !heads) refuse_list("heads that cannot say whether it is the latest, beside " + next);
    if (listed && is_outdated(*heads)) refuse_list("one that the heads say is not the latest, beside " + next);
  }
  for (const fs::path& file : partial) remove_file(file);
  if (!left) return;
  if (next == unpublished_) {
    remove_file(folder_ / next);
  } else {  // of a writer that was cut short, or of a newer state than what was put back: nobody can tell
    set_aside(next);
  }
  unpublished_.clear();
}

// Under a name that none has: what was set aside before stays, too.
void FolderWriter::set_aside(const std::string& file) const {
  const std::string base = "." + file + ".unlisted";
  std::string name = base;
  std::error_code error;
  for (int number = 2; fs::exists(folder_ / name, error); ++number) name = base + "-" + std::to_string(number);
  if (!error) fs::rename(folder_ / file, folder_ / name, error);
  if (error) {
    throw core::IoError({.where = "history.write",
                         .expected = "to put a file aside that no segment is, as " + name,
                         .received = error.message(),
                         .place = (folder_ / file).string(),
                         .hint = "check the folder and its permissions"});
  }
  core::sync_folder(folder_, "history.write");
}

std::string FolderWriter::free_name() const {
  std::int64_t last = 0;
  for (const SegmentEntry& entry : manifest_.segments) last = std::max(last, number_of(entry.file));
  for (const std::string& file : manifest_.replaced) last = std::max(last, number_of(file));
  std::string digits = std::to_string(last + 1);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return std::string(segment_prefix) + digits + std::string(segment_suffix);
}

SegmentEntry FolderWriter::write_segment(Content& segment, const core::CallControl& control) {
  const std::string name = free_name();
  WriteOptions options = options_;
  options.replace = false;
  options.proven = true;
  unpublished_ = name;
  const WrittenFile written = write_file(segment, folder_ / name, options, control);
  SegmentEntry entry = describe(segment);
  entry.file = name;
  entry.content_digest = written.content_digest;
  entry.sha256 = written.bytes.sha256;
  entry.bytes = written.bytes.count;
  return entry;
}

void FolderWriter::add(Content segment, const core::CallControl& control) {
  refresh();
  in_doubt_ = true;
  FolderManifest next = manifest_;
  if (next.segments.empty()) segment.segment = SegmentPlace{"", 0};
  next.segments.push_back(write_segment(segment, control));
  if (next.uuid.empty()) next.uuid = segment.uuid;
  if (next.created_time == core::UtcTime::missing_count) next.created_time = segment.created_time;
  chain(next, next.segments.size() - 1);
  publish(std::move(next), head_append);
}

void FolderWriter::replace(std::size_t first, std::size_t last, Content joined, const core::CallControl& control) {
  in_doubt_ = true;
  FolderManifest next = manifest_;
  SegmentEntry entry = write_segment(joined, control);
  const auto begin = next.segments.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = next.segments.begin() + static_cast<std::ptrdiff_t>(last);
  for (auto old = begin; old != end; ++old) next.replaced.push_back(old->file);
  next.segments.insert(next.segments.erase(begin, end), std::move(entry));
  chain(next, first);
  publish(std::move(next), head_compact);
}

void FolderWriter::publish(FolderManifest next, const char* reason) {
  const HeadRecord record = head_record(next, reason);
  // The new chain may be shorter than the old one, or the file of heads tell of an earlier folder of this name: a crash
  // after the list must not look like a removed tail, or another history.
  const bool is_merge = record.reason == head_compact;
  if (is_merge || (next.segments.size() == 1 && tells_of_others())) {
    HeadRecord begun = record;
    begun.reason = is_merge ? head_compact_begun : head_append_begun;
    note_head(begun);
  }
  next.write(folder_);
  manifest_ = std::move(next);
  note_head(record);
  in_doubt_ = false;
  unpublished_.clear();
}

// Whether a file of heads says anything: then it is of an earlier folder, when this one has its first segment.
bool FolderWriter::tells_of_others() const {
  for (const fs::path& file : {head_, fs::absolute(default_head_file(folder_))}) {
    const std::optional<Heads> heads = noted_heads(file);
    if (!heads || !heads->empty()) return true;
  }
  return false;
}

// Where the head is kept elsewhere, the file beside the folder goes on, so that the next writer may use it.
void FolderWriter::note_head(const HeadRecord& record) const {
  append_head(head_, record);
  const fs::path beside = fs::absolute(default_head_file(folder_));
  if (beside != head_ && fs::exists(beside)) append_head(beside, record);
}

std::size_t FolderWriter::remove_replaced() {
  if (manifest_.replaced.empty() || !nobody_reads(folder_)) return manifest_.replaced.size();
  // First the files, then the list: a file that no list names is never ours.
  for (const std::string& file : manifest_.replaced) remove_file(folder_ / file);
  core::sync_folder(folder_, "history.write");
  manifest_.replaced.clear();
  in_doubt_ = true;
  manifest_.write(folder_);
  in_doubt_ = false;
  return 0;
}

}  // namespace luban::history::detail
