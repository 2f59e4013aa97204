#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/core/file_lock.hpp>
#include <luban/history/appender.hpp>
#include <luban/history/detail/excerpt.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/detail/folder_writer.hpp>
#include <unordered_map>
#include <utility>

namespace luban::history {
namespace {

/// Runs of earlier pieces count their readings on.
void count_on(Content& addition, const detail::Excerpt& excerpt) {
  std::unordered_map<std::string, std::int64_t> last;
  const Content& known = excerpt.content;
  for (std::size_t i = 0; i < known.readings.size(); ++i) {
    const auto run = static_cast<std::size_t>(known.readings.run[i]);
    if (excerpt.same_import[run] == 0) continue;
    std::int64_t& most = last[known.runs.run_id[run]];
    most = std::max(most, known.readings.repeat[i]);
  }
  if (last.empty()) return;
  for (std::size_t i = 0; i < addition.readings.size(); ++i) {
    const auto found = last.find(addition.runs.run_id[static_cast<std::size_t>(addition.readings.run[i])]);
    if (found != last.end()) addition.readings.repeat[i] += found->second;
  }
}

}  // namespace

struct Appender::Impl {
  Impl(const std::filesystem::path& folder, WriteOptions options, const std::filesystem::path& head)
      : writer(folder, std::move(options), head, "history.append") {}
  detail::FolderWriter writer;
};

Appender::Appender(const std::filesystem::path& folder, WriteOptions options, const std::filesystem::path& head)
    : impl_(std::make_unique<Impl>(folder, std::move(options), head)) {}
Appender::~Appender() = default;

std::shared_ptr<const HistoryFolder> Appender::history() const {
  return impl_->writer.empty() ? nullptr : HistoryFolder::open(impl_->writer.folder());
}

MergeReport Appender::append(Content addition, const std::vector<std::int64_t>& source_rows,
                             const AppendOptions& options, const core::CallControl& control) {
  addition.normalise();
  impl_->writer.refresh();
  detail::Excerpt excerpt;
  if (const auto known = history(); known != nullptr) {
    if (addition.provenance.size() != 1) {
      throw core::DataError({.where = "history.append",
                             .expected = "one provenance entry",
                             .received = std::to_string(addition.provenance.size()),
                             .place = known->path(),
                             .hint = {}});
    }
    excerpt = detail::make_excerpt(*known, addition);
  }
  if (options.same_import && options.counted_repeats) count_on(addition, excerpt);
  const detail::Sizes before(excerpt.content);
  MergeOptions merging;
  if (options.same_import) merging.own_runs = excerpt.same_import;
  MergeReport report = merge(excerpt.content, std::move(addition), source_rows, merging);
  if (!report.changed()) return report;
  impl_->writer.add(detail::added(excerpt.content, before, excerpt.source), control);
  return report;
}

}  // namespace luban::history
