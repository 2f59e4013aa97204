#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <luban/core/error.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/segment_files.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t most_open = 200;  // a process may open 1,024 files, and not all are ours
constexpr std::size_t most_kept = 8;    // a writer looks again and again, and each file costs memory

}  // namespace

void require_segment(const std::filesystem::path& folder, const SegmentEntry& entry) {
  if (std::filesystem::exists(folder / entry.file)) return;
  throw core::IoError({.where = "history.open",
                       .expected = "the segment that " + std::string(manifest_name) + " names",
                       .received = "no such file",
                       .place = (folder / entry.file).string(),
                       .hint = "restore it from a backup; `luban verify` says what else is missing"});
}

ReaderMark::ReaderMark(const std::filesystem::path& folder)
    : descriptor_(::open((folder / readers_name).c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ >= 0) ::flock(descriptor_, LOCK_SH);  // waits at most for a look by a writer
}

ReaderMark::~ReaderMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool nobody_reads(const std::filesystem::path& folder) {
  // A mark that another user made can be locked though not written.
  const std::filesystem::path file = folder / readers_name;
  int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) descriptor = ::open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return false;  // nobody can tell, and what stays costs space alone
  // Where there are no locks, no reader has one.
  const bool free = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno == ENOLCK || errno == ENOSYS ||
                    errno == EOPNOTSUPP || errno == EINVAL;
  ::close(descriptor);
  return free;
}

// The mark comes first: what the manifest names then stays.
SegmentFiles::SegmentFiles(std::filesystem::path folder, const SegmentFiles* earlier)
    : folder_(std::move(folder)), mark_(folder_), manifest_(FolderManifest::read(folder_)) {
  if (earlier != nullptr) keep_open(*earlier);
}

// Segments never change, and their numbers do where some before them were merged: these are opened again.
void SegmentFiles::keep_open(const SegmentFiles& earlier) {
  const std::lock_guard lock(earlier.mutex_);
  for (const std::size_t k : earlier.recent_) {
    if (recent_.size() == most_kept) return;
    if (k >= size() || manifest_.segments[k].link != earlier.manifest_.segments[k].link) continue;
    open_.emplace(k, earlier.open_.at(k));
    recent_.push_back(k);
  }
}

std::shared_ptr<const OpenSegment> SegmentFiles::open(std::size_t segment) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = open_.find(segment); known != open_.end()) {
      recent_.remove(segment);
      recent_.push_front(segment);
      return known->second;
    }
  }
  const SegmentEntry& entry = manifest_.segments[segment];
  require_segment(folder_, entry);
  auto opened = std::make_shared<OpenSegment>();
  opened->file = std::make_shared<const TreeFile>(folder_ / entry.file);
  require_history(*opened->file);
  const std::string digest = text_attribute(opened->file->groups().at("/"), "content_digest");
  if (digest != entry.content_digest ||
      opened->file->info("/readings/run").count != static_cast<std::size_t>(entry.readings)) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "the segment that " + std::string(manifest_name) + " names",
                                .received = "another content",
                                .place = opened->file->path(),
                                .hint = "`luban verify` says what is wrong with the folder"});
  }
  opened->provenance = load_provenance(*opened->file);
  const std::lock_guard lock(mutex_);
  if (const auto [known, is_new] = open_.emplace(segment, opened); !is_new) return known->second;  // by another thread
  recent_.push_front(segment);
  if (recent_.size() > most_open) {
    open_.erase(recent_.back());
    recent_.pop_back();
  }
  return opened;
}

}  // namespace luban::history::detail
