#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <luban/core/durable_file.hpp>
#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/detail/schema.hpp>
#include <set>
#include <sstream>

namespace luban::history::detail {
namespace {

namespace fs = std::filesystem;
using core::Json;

constexpr const char* folder_format = "luban-history-folder";
constexpr const char* kind_names[] = {"number", "time", "code", "text", "trace"};

[[noreturn]] void unfit(const std::string& expected, const std::string& received, const fs::path& place) {
  throw core::IntegrityError({.where = "history.open",
                              .expected = expected,
                              .received = received,
                              .place = place.string(),
                              .hint = "`luban verify` says what is wrong with the folder"});
}

Json column_json(const SegmentColumn& column) {
  const auto kind = static_cast<std::size_t>(column.info.kind);
  Json json = Json::object();
  json.set("path", column.path).set("name", column.info.name).set("unit", column.info.unit);
  json.set("kind", kind_names[kind]);
  if (!column.info.categories.empty()) json.set("categories", Json(column.info.categories));
  return json;
}

SegmentColumn column_of(const Json& json) {
  SegmentColumn column;
  column.path = json.at("path").as_string();
  column.info.name = json.at("name").as_string();
  column.info.unit = json.at("unit").as_string();
  const std::string& kind = json.at("kind").as_string();
  const auto found = std::find(std::begin(kind_names), std::end(kind_names), kind);
  if (found == std::end(kind_names)) unfit("a kind of column", "`" + kind + "`", manifest_name);
  column.info.kind = static_cast<process::ColumnKind>(found - std::begin(kind_names));
  if (const Json* names = json.find("categories"); names != nullptr) column.info.categories = names->as_strings();
  return column;
}

SegmentEntry entry_of(const Json& json) {
  SegmentEntry entry;
  entry.file = json.at("file").as_string();
  // A name that leads out of the folder is refused: a history does not point elsewhere.
  if (entry.file.empty() || entry.file.find('/') != std::string::npos || entry.file.front() == '.') {
    unfit("plain names of files", "`" + entry.file + "`", manifest_name);
  }
  entry.sha256 = json.at("sha256").as_string();
  entry.bytes = json.at("bytes").as_int();
  entry.content_digest = json.at("content_digest").as_string();
  entry.runs = json.at("runs").as_int();
  entry.continued = json.at("continued").as_int();
  entry.readings = json.at("readings").as_int();
  entry.events = json.at("events").as_int();
  for (const auto& [response, count] : json.at("late").as_object()) entry.late[response] = count.as_int();
  entry.first_run_id = json.at("first_run_id").as_string();
  entry.last_run_id = json.at("last_run_id").as_string();
  entry.first_start = json.at("first_start").as_int();
  entry.last_start = json.at("last_start").as_int();
  for (const Json& import : json.at("imports").as_array()) {
    entry.imports.push_back({import.at("time").as_int(), import.at("runs").as_int(), import.at("readings").as_int(),
                             import.at("input").as_string(), import.at("digest").as_string()});
  }
  for (const Json& column : json.at("columns").as_array()) entry.columns.push_back(column_of(column));
  entry.previous = json.at("previous").as_string();
  entry.link = json.at("link").as_string();
  for (const std::int64_t count : {entry.bytes, entry.runs, entry.continued, entry.readings, entry.events}) {
    if (count < 0) unfit("counts of 0 or more", std::to_string(count), manifest_name);
  }
  return entry;
}

/// What is in the list of replaced files is removed in the end: no other file may get there.
void require_replaceable(const FolderManifest& manifest) {
  std::set<std::string_view> live;
  for (const SegmentEntry& entry : manifest.segments) live.insert(entry.file);
  for (const std::string& name : manifest.replaced) {
    if (live.count(name) != 0 || !is_segment_name(name) || name.find('/') != std::string::npos) {
      unfit("files of merged segments among `replaced`", "`" + name + "`", manifest_name);
    }
  }
}

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw core::IoError(
        {.where = "history.open",
         .expected = "a folder with " + std::string(manifest_name),
         .received = std::strerror(errno),
         .place = file.parent_path().string(),
         .hint = "`luban import … -o FOLDER` makes one; a single history file is opened by its own name"});
  }
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

bool is_segment_name(std::string_view name) {
  if (!name.starts_with(segment_prefix) || !name.ends_with(segment_suffix)) return false;
  name = name.substr(segment_prefix.size(), name.size() - segment_prefix.size() - segment_suffix.size());
  return name.size() >= 6 && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool SegmentEntry::adds_up() const {
  const auto is_sum = [this](std::int64_t SegmentImport::*count, std::int64_t left) {
    for (const SegmentImport& import : imports) {
      if (import.*count < 0 || import.*count > left) return false;  // no sum that could overflow
      left -= import.*count;
    }
    return left == 0;
  };
  return is_sum(&SegmentImport::runs, runs) && is_sum(&SegmentImport::readings, readings);
}

Json SegmentEntry::fields() const {
  Json json = Json::object();
  json.set("file", file).set("sha256", sha256).set("bytes", bytes).set("content_digest", content_digest);
  json.set("runs", runs).set("continued", continued).set("readings", readings).set("events", events);
  Json late_json = Json::object();
  for (const auto& [response, count] : late) late_json.set(response, count);
  json.set("late", std::move(late_json)).set("first_run_id", first_run_id).set("last_run_id", last_run_id);
  json.set("first_start", first_start).set("last_start", last_start);
  Json list = Json::array();
  for (const SegmentImport& import : imports) {
    Json item = Json::object();
    item.set("time", import.time).set("runs", import.runs).set("readings", import.readings);
    list.push_back(item.set("input", import.input).set("digest", import.digest));
  }
  json.set("imports", std::move(list));
  Json named = Json::array();
  for (const SegmentColumn& column : columns) named.push_back(column_json(column));
  return json.set("columns", std::move(named)).set("previous", previous);
}

std::string SegmentEntry::computed_link() const {
  return core::Sha256().update(fields().dump()).hex();
}

std::string FolderManifest::text() const {
  Json list = Json::array();
  for (const SegmentEntry& entry : segments) {
    Json json = entry.fields();
    list.push_back(json.set("link", entry.link));
  }
  Json json = Json::object();
  json.set("format", folder_format).set("version", Json(Json::Array{Json(format_major), Json(format_minor)}));
  json.set("uuid", uuid).set("created_time", created_time).set("segments", std::move(list));
  return json.set("replaced", Json(replaced)).dump(1) + "\n";
}

FolderManifest FolderManifest::read_unchecked(const fs::path& folder) {
  const fs::path file = folder / manifest_name;
  const std::string text = read_text(file);
  try {
    const Json json = Json::parse(text);
    if (const Json* format = json.find("format"); format == nullptr || format->as_string() != folder_format) {
      unfit("format = \"" + std::string(folder_format) + "\"", "another", file);
    }
    const std::int64_t major = json.at("version").as_array().at(0).as_int();
    if (major > format_major) {
      throw core::VersionError({.where = "history.open",
                                .expected = "format version " + std::to_string(format_major) + ".x",
                                .received = std::to_string(major),
                                .place = file.string(),
                                .hint = "the folder was written by a newer luban; update this one"});
    }
    FolderManifest manifest;
    manifest.uuid = json.at("uuid").as_string();
    manifest.created_time = json.at("created_time").as_int();
    for (const Json& entry : json.at("segments").as_array()) manifest.segments.push_back(entry_of(entry));
    manifest.replaced = json.at("replaced").as_strings();
    require_replaceable(manifest);
    return manifest;
  } catch (const core::DataError& error) {
    unfit("the list of segments", error.detail().received, file);
  } catch (const std::out_of_range&) {
    unfit("a version", "none", file);
  }
}

FolderManifest FolderManifest::read(const fs::path& folder) {
  FolderManifest manifest = read_unchecked(folder);
  std::string previous;
  std::set<std::string> files;
  for (const SegmentEntry& entry : manifest.segments) {
    if (entry.previous != previous || entry.link != entry.computed_link() || !files.insert(entry.file).second) {
      unfit("an unbroken chain of segments", "a break at " + entry.file, folder / manifest_name);
    }
    if (!entry.adds_up()) unfit("imports that brought the rows of their segment", "other counts", entry.file);
    previous = entry.link;
  }
  return manifest;
}

std::set<std::string> FolderManifest::files() const {
  std::set<std::string> names(replaced.begin(), replaced.end());
  for (const SegmentEntry& entry : segments) names.insert(entry.file);
  return names;
}

bool FolderManifest::passes(const HeadRecord& head) const {
  return head.segments > 0 && head.segments <= static_cast<std::int64_t>(segments.size()) &&
         segments[static_cast<std::size_t>(head.segments) - 1].link == head.head;
}

void FolderManifest::write(const fs::path& folder) const {
  core::DurableFile file(folder / manifest_name, "history.write");
  file.write(text());
  file.commit(true);
}

fs::path default_head_file(const fs::path& folder) {
  const fs::path real = core::real_path(folder / ".", "history.open").parent_path();
  return real.parent_path() / (real.filename().string() + ".head");
}

namespace {

/// End of a line that a crash cut, in a file that may only grow.
constexpr std::string_view torn = "#torn";

}  // namespace

std::vector<HeadRecord> read_heads(const fs::path& file) {
  std::vector<HeadRecord> records;
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (in.eof()) break;  // no line feed: a crash cut it
    if (line.ends_with(torn)) continue;
    try {
      const Json json = Json::parse(line);
      records.push_back({json.at("uuid").as_string(), json.at("time").as_int(), json.at("segments").as_int(),
                         json.at("head").as_string(), json.at("reason").as_string()});
    } catch (const core::DataError&) {
      unfit("one line of JSON for each head", "`" + line.substr(0, 40) + "`", file);
    }
  }
  return records;
}

namespace {

/// Length of the file up to its last line feed: what a crash or a full disk left of a line after it is no line.
off_t whole_lines(int descriptor) {
  constexpr off_t step = 4096;
  std::string block;
  for (off_t end = ::lseek(descriptor, 0, SEEK_END); end > 0;) {
    const off_t begin = std::max<off_t>(0, end - step);
    block.resize(static_cast<std::size_t>(end - begin));
    const ssize_t count = ::pread(descriptor, block.data(), block.size(), begin);
    if (count != static_cast<ssize_t>(block.size())) return -1;
    const std::size_t found = block.rfind('\n');
    if (found != std::string::npos) return begin + static_cast<off_t>(found) + 1;
    end = begin;
  }
  return 0;
}

[[noreturn]] void head_refused(const fs::path& file, const char* what) {
  throw core::IoError({.where = "history.write",
                       .expected = std::string("to ") + what + " the file of heads",
                       .received = std::strerror(errno),
                       .place = file.string(),
                       .hint = "it stands beside the folder and proves its end; the next write goes on from what the "
                               "folder holds"});
}

int open_head(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) head_refused(file, "open");
  // While nothing is in it, nobody knows whether its name was synced.
  if (::lseek(descriptor, 0, SEEK_END) == 0) core::sync_folder(file.parent_path(), "history.write");
  return descriptor;
}

}  // namespace

void require_head(const fs::path& file) {
  ::close(open_head(file));
}

void append_head(const fs::path& file, const HeadRecord& record) {
  Json json = Json::object();
  json.set("uuid", record.uuid).set("time", record.time).set("segments", record.segments);
  std::string bytes = json.set("head", record.head).set("reason", record.reason).dump() + "\n";
  const int descriptor = open_head(file);
  const off_t whole = whole_lines(descriptor);
  // A file that may only grow keeps the piece, as a line that says so.
  const bool piece = whole >= 0 && ::lseek(descriptor, 0, SEEK_END) > whole;
  if (piece && ::ftruncate(descriptor, whole) != 0) bytes.insert(0, std::string(torn) + "\n");
  const ssize_t count = whole < 0 ? -1 : ::write(descriptor, bytes.data(), bytes.size());
  const bool written = count == static_cast<ssize_t>(bytes.size());
  if (count >= 0 && !written) errno = ENOSPC;  // a short write says nothing of its reason
  const bool synced = written && ::fdatasync(descriptor) == 0;
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  if (!synced) head_refused(file, "append to");
}

}  // namespace luban::history::detail
