#include <luban/core/error.hpp>
#include <luban/core/file_lock.hpp>
#include <luban/history/appender.hpp>
#include <luban/history/detail/excerpt.hpp>
#include <luban/history/detail/folder_writer.hpp>
#include <luban/history/detail/new_segment.hpp>
#include <luban/history/detail/placement.hpp>
#include <utility>

namespace luban::history {
namespace {

void require_open(bool open) {
  if (open) return;
  throw core::LifecycleError({.where = "history.append",
                              .expected = "an open writer",
                              .received = "one that was closed",
                              .place = {},
                              .hint = "make another one"});
}

}  // namespace

struct Appender::Impl {
  Impl(const std::filesystem::path& folder, WriteOptions options, const std::filesystem::path& head)
      : writer(folder, std::move(options), head, "history.append") {}
  detail::FolderWriter writer;
  std::shared_ptr<const HistoryFolder> latest;  ///< as it was looked at last
};

Appender::Appender(const std::filesystem::path& folder, WriteOptions options, const std::filesystem::path& head)
    : impl_(std::make_unique<Impl>(folder, std::move(options), head)) {}
Appender::~Appender() = default;

void Appender::close() noexcept {
  impl_.reset();
}

std::shared_ptr<const HistoryFolder> Appender::history() {
  require_open(impl_ != nullptr);
  if (impl_->writer.empty()) return nullptr;
  impl_->latest = HistoryFolder::open(impl_->writer.folder(), impl_->latest.get());
  return impl_->latest;
}

void Appender::begin(Content whole, const core::CallControl& control) {
  require_open(impl_ != nullptr);
  impl_->writer.refresh();
  if (!impl_->writer.empty()) {
    throw core::IoError({.where = "history.write",
                         .expected = "a name that is free",
                         .received = "an existing history",
                         .place = impl_->writer.folder().string(),
                         .hint = "choose another name"});
  }
  impl_->writer.add(std::move(whole), control);
}

MergeReport Appender::append(Content addition, const std::vector<std::int64_t>& source_rows,
                             const AppendOptions& options, const core::CallControl& control) {
  require_open(impl_ != nullptr);
  impl_->writer.refresh();
  detail::Excerpt known;
  if (const auto before = history(); before != nullptr) {
    detail::require_one_import(addition, source_rows);
    known = detail::make_excerpt(*before, addition, options.began);
  }
  detail::NewSegment made = detail::new_segment(std::move(known), std::move(addition), source_rows);
  if (options.whole && made.report.refused.size() > 0) return std::move(made.report);
  if (made.report.changed()) impl_->writer.add(std::move(made.content), control);
  return std::move(made.report);
}

}  // namespace luban::history
