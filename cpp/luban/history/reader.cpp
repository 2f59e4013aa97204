#include <luban/core/json.hpp>
#include <luban/history/detail/file_digest.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/view.hpp>
#include <luban/history/reader.hpp>

namespace luban::history {

HistorySource::~HistorySource() = default;

process::Process HistorySource::process() const {
  return process::Process::from_json(core::Json::parse(latest_version().definition));
}

std::shared_ptr<const HistorySource> open_history(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return HistoryFolder::open(path);
  return HistoryFile::open(path);
}
ArraySource::~ArraySource() = default;

struct HistoryFile::Impl {
  explicit Impl(std::shared_ptr<const detail::TreeFile> opened) : file(std::move(opened)) {
    detail::require_history(*file);
    const detail::Attributes& root = file->groups().at("/");
    uuid = detail::text_attribute(root, "uuid");
    digest = detail::text_attribute(root, "content_digest");
    created = core::UtcTime(core::Nanoseconds(detail::integer_attribute(root, "created_time")));
    versions = detail::load_process(*file);
    provenance = detail::load_provenance(*file);
    readings = std::make_shared<const detail::View>(file, provenance, ViewOptions{}, detail::ViewPlace{});
  }
  std::shared_ptr<const detail::TreeFile> file;
  std::string uuid, digest;
  core::UtcTime created;
  std::vector<ProcessVersion> versions;
  std::vector<Provenance> provenance;
  std::shared_ptr<const detail::View> readings;
};

HistoryFile::HistoryFile(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
HistoryFile::~HistoryFile() = default;

std::shared_ptr<const HistoryFile> HistoryFile::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const detail::TreeFile>(path);
  if (detail::segment_place(*file)) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "a history",
                                .received = "one segment of several",
                                .place = path.string(),
                                .hint = "open the folder that it stands in"});
  }
  return std::shared_ptr<const HistoryFile>(new HistoryFile(std::make_shared<const Impl>(std::move(file))));
}

std::shared_ptr<const HistoryFile> HistoryFile::in_memory(Content content, const core::CallControl& control) {
  detail::Tree tree;
  detail::complete(content, tree, control);
  constexpr Compression fast{Codec::zstd, 1};  // nobody else reads it
  auto file = std::make_shared<const detail::TreeFile>(tree, fast, control);
  return std::shared_ptr<const HistoryFile>(new HistoryFile(std::make_shared<const Impl>(std::move(file))));
}

std::vector<process::ColumnInfo> HistoryFile::schema() const {
  return impl_->readings->schema();
}
std::size_t HistoryFile::row_count() const {
  return impl_->readings->row_count();
}
std::vector<process::RowRange> HistoryFile::blocks() const {
  return impl_->readings->blocks();
}
process::Table HistoryFile::read(const std::vector<std::string>& columns, process::RowRange rows) const {
  return impl_->readings->read(columns, rows);
}

std::vector<bool> HistoryFile::read_into(std::span<const ColumnMemory> columns, process::RowRange rows) const {
  return impl_->readings->read_into(columns, rows);
}

std::shared_ptr<const process::TableSource> HistoryFile::view(const ViewOptions& options) const {
  if (options.grain == process::Grain::readings && options.as_of.missing() && options.filter.empty()) {
    return impl_->readings;
  }
  detail::require_filter(options.filter, detail::filter_columns(*impl_->file), path());
  return std::make_shared<const detail::View>(impl_->file, impl_->provenance, options, detail::ViewPlace{});
}

std::vector<TraceInfo> HistoryFile::traces() const {
  std::vector<TraceInfo> infos;
  for (const detail::StoredTrace& trace : detail::stored_traces(*impl_->file)) {
    infos.push_back({trace.name, trace.unit, trace.period});
  }
  return infos;
}

TraceRows HistoryFile::trace(const std::string& name, const ViewOptions& options) const {
  detail::require_trace(traces(), name, path());
  detail::require_filter(options.filter, detail::filter_columns(*impl_->file), path());
  ViewOptions of_runs = options;
  of_runs.grain = process::Grain::runs;
  return detail::View(impl_->file, impl_->provenance, of_runs, detail::ViewPlace{}).trace_rows(name);
}

const std::string& HistoryFile::path() const noexcept {
  return impl_->file->path();
}
const std::string& HistoryFile::uuid() const noexcept {
  return impl_->uuid;
}
core::UtcTime HistoryFile::created_time() const noexcept {
  return impl_->created;
}
const std::string& HistoryFile::content_digest() const noexcept {
  return impl_->digest;
}
const std::vector<ProcessVersion>& HistoryFile::process_versions() const {
  return impl_->versions;
}
const std::vector<Provenance>& HistoryFile::provenance() const {
  return impl_->provenance;
}
ProcessVersion HistoryFile::latest_version() const {
  return detail::newest(impl_->versions, "a process definition", path());
}
Provenance HistoryFile::latest_import() const {
  return detail::newest(impl_->provenance, "an import", path());
}
std::vector<std::string> HistoryFile::input_digests() const {
  std::vector<std::string> digests;
  for (const Provenance& entry : impl_->provenance) digests.push_back(entry.input_digest);
  return digests;
}
Quarantine HistoryFile::quarantine() const {
  return detail::load_quarantine(*impl_->file);
}
Genealogy HistoryFile::genealogy() const {
  return detail::load_genealogy(*impl_->file);
}
Recipes HistoryFile::recipes() const {
  return detail::load_recipes(*impl_->file);
}
Content HistoryFile::content() const {
  Content content = detail::load_content(*impl_->file);
  detail::require_consistent(content, path());
  return content;
}

}  // namespace luban::history
