// A folder of segments as one history.
#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/history/detail/folder_view.hpp>
#include <luban/history/detail/join_contents.hpp>
#include <luban/history/detail/merge_material.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/reader.hpp>
#include <mutex>

namespace luban::history {

struct HistoryFolder::Impl {
  Impl(const std::filesystem::path& folder, const Impl* earlier)
      : path(folder.string()),
        files(
            std::make_shared<const detail::SegmentFiles>(folder, earlier == nullptr ? nullptr : earlier->files.get())),
        join(std::make_shared<const detail::SharedJoin>(files)),
        digest(files->manifest().head()) {
    if (files->size() == 0) {
      throw core::IntegrityError({.where = "history.open",
                                  .expected = "at least one segment",
                                  .received = "a list of none",
                                  .place = path,
                                  .hint = "`luban verify` says what is wrong with the folder"});
    }
    readings = std::make_shared<const detail::FolderView>(files, join, ViewOptions{});
  }

  /// What all segments say of imports and definitions, read once.
  void load_versions() const {
    std::call_once(loaded, [this] {
      for (std::size_t k = 0; k < files->size(); ++k) {
        const auto opened = files->open(k);
        provenance.insert(provenance.end(), opened->provenance.begin(), opened->provenance.end());
        detail::append_versions(versions, detail::load_process(*opened->file));
      }
    });
  }

  /// What the segments say of something, one after the other; the numbers of their imports are counted on.
  template <typename T, typename Result>
  T gathered(Result (*append)(T&, const T&, std::int32_t), T (*load)(const detail::TreeFile&)) const {
    T all;
    std::int32_t sources = 0;
    for (std::size_t k = 0; k < files->size(); ++k) {
      const auto opened = files->open(k);
      append(all, load(*opened->file), sources);
      sources += static_cast<std::int32_t>(opened->provenance.size());
    }
    return all;
  }

  std::string path;
  std::shared_ptr<const detail::SegmentFiles> files;
  std::shared_ptr<const detail::SharedJoin> join;
  std::string digest;
  std::shared_ptr<const detail::FolderView> readings;
  mutable std::once_flag loaded;
  mutable std::vector<ProcessVersion> versions;
  mutable std::vector<Provenance> provenance;
};

HistoryFolder::HistoryFolder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
HistoryFolder::~HistoryFolder() = default;

std::shared_ptr<const HistoryFolder> HistoryFolder::open(const std::filesystem::path& folder,
                                                         const HistoryFolder* earlier) {
  const Impl* known = earlier == nullptr ? nullptr : earlier->impl_.get();
  return std::shared_ptr<const HistoryFolder>(new HistoryFolder(std::make_shared<const Impl>(folder, known)));
}

std::vector<process::ColumnInfo> HistoryFolder::schema() const {
  return impl_->readings->schema();
}
std::size_t HistoryFolder::row_count() const {
  return impl_->readings->row_count();
}
std::vector<process::RowRange> HistoryFolder::blocks() const {
  return impl_->readings->blocks();
}
process::Table HistoryFolder::read(const std::vector<std::string>& columns, process::RowRange rows) const {
  return impl_->readings->read(columns, rows);
}

std::vector<bool> HistoryFolder::read_into(std::span<const ColumnMemory> columns, process::RowRange rows) const {
  return impl_->readings->read_into(columns, rows);
}

std::shared_ptr<const process::TableSource> HistoryFolder::view(const ViewOptions& options) const {
  if (options.grain == process::Grain::readings && options.as_of.missing() && options.filter.empty()) {
    return impl_->readings;
  }
  return std::make_shared<const detail::FolderView>(impl_->files, impl_->join, options);
}

std::vector<TraceInfo> HistoryFolder::traces() const {
  std::vector<TraceInfo> infos;
  for (std::size_t k = 0; k < impl_->files->size(); ++k) {
    const auto& columns = impl_->files->manifest().segments[k].columns;
    const bool more = std::any_of(columns.begin(), columns.end(), [&](const detail::SegmentColumn& column) {
      return column.path.starts_with("/traces/") && std::none_of(infos.begin(), infos.end(), [&](const auto& known) {
               return known.name == column.info.name;
             });
    });
    if (!more) continue;
    for (const detail::StoredTrace& trace : detail::stored_traces(*impl_->files->open(k)->file)) {
      const bool known =
          std::any_of(infos.begin(), infos.end(), [&](const TraceInfo& info) { return info.name == trace.name; });
      if (!known) infos.push_back({trace.name, trace.unit, trace.period});
    }
  }
  return infos;
}

TraceRows HistoryFolder::trace(const std::string& name, const ViewOptions& options) const {
  detail::require_trace(traces(), name, path());
  ViewOptions of_runs = options;
  of_runs.grain = process::Grain::runs;
  return detail::FolderView(impl_->files, impl_->join, of_runs).trace_rows(name);
}

const std::string& HistoryFolder::path() const noexcept {
  return impl_->path;
}
const std::string& HistoryFolder::uuid() const noexcept {
  return impl_->files->manifest().uuid;
}
core::UtcTime HistoryFolder::created_time() const noexcept {
  return core::UtcTime(core::Nanoseconds(impl_->files->manifest().created_time));
}
const std::string& HistoryFolder::content_digest() const noexcept {
  return impl_->digest;
}
const std::vector<ProcessVersion>& HistoryFolder::process_versions() const {
  impl_->load_versions();
  return impl_->versions;
}
const std::vector<Provenance>& HistoryFolder::provenance() const {
  impl_->load_versions();
  return impl_->provenance;
}

ProcessVersion HistoryFolder::latest_version() const {
  const auto opened = impl_->files->open(impl_->files->size() - 1);
  return detail::newest(detail::load_process(*opened->file), "a process definition", impl_->path);
}
Provenance HistoryFolder::latest_import() const {
  return detail::newest(impl_->files->open(impl_->files->size() - 1)->provenance, "an import", impl_->path);
}
std::vector<std::string> HistoryFolder::input_digests() const {
  std::vector<std::string> digests;
  for (const detail::SegmentEntry& entry : impl_->files->manifest().segments) {
    for (const detail::SegmentImport& import : entry.imports) digests.push_back(import.digest);
  }
  return digests;
}

Quarantine HistoryFolder::quarantine() const {
  return impl_->gathered(&detail::append_quarantine, &detail::load_quarantine);
}
Genealogy HistoryFolder::genealogy() const {
  return impl_->gathered(&detail::merge_genealogy, &detail::load_genealogy);
}
Recipes HistoryFolder::recipes() const {
  return impl_->gathered(&detail::merge_recipes, &detail::load_recipes);
}

Content HistoryFolder::content() const {
  std::vector<Content> parts;
  for (std::size_t k = 0; k < impl_->files->size(); ++k) {
    const auto opened = impl_->files->open(k);
    parts.push_back(detail::load_content(*opened->file));
    // Rows are looked up by number when the parts are joined.
    detail::require_consistent(parts.back(), opened->file->path());
  }
  Content content = detail::join_contents(std::move(parts));
  content.segment.reset();
  detail::require_consistent(content, impl_->path);
  return content;
}

std::size_t HistoryFolder::segment_count() const noexcept {
  return impl_->files->size();
}

}  // namespace luban::history
