#include <luban/core/durable_file.hpp>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <luban/core/error.hpp>

namespace luban::core {
namespace {

namespace fs = std::filesystem;

constexpr mode_t permissions = 0777;

[[noreturn]] void refused(const std::string& where, const char* what, const fs::path& place, int reason) {
  throw IoError({.where = where,
                 .expected = std::string("to ") + what,
                 .received = std::strerror(reason),
                 .place = place.string(),
                 .hint = "check the folder, its permissions and the free space"});
}

/// An open file that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

/// Gives an open file the permissions of the one that it replaces; false when the system refuses.
bool take_permissions(int descriptor, const fs::path& replaced) {
  struct stat before {};
  struct stat now {};
  if (::stat(replaced.c_str(), &before) != 0) return true;
  if (::fstat(descriptor, &now) != 0) return false;
  const mode_t wanted = before.st_mode & permissions;
  // Some file systems have one mode for all and refuse to be told.
  return (now.st_mode & permissions) == wanted || ::fchmod(descriptor, wanted) == 0;
}

}  // namespace

fs::path real_path(const fs::path& path, const std::string& where) {
  constexpr int most_links = 40;  // as many as the kernel follows
  std::error_code error;
  fs::path real = fs::absolute(path, error);
  for (int link = 0; !error && fs::is_symlink(fs::symlink_status(real, error)); ++link) {
    if (link == most_links) refused(where, "follow the links to the file", path, ELOOP);
    real = real.parent_path() / fs::read_symlink(real, error);
  }
  // What is missing or may not be looked at is left as it is: opening it says why.
  if (const fs::path folder = fs::weakly_canonical(real.parent_path(), error); !error) return folder / real.filename();
  return real;
}

void sync_folder(const fs::path& folder, const std::string& where) {
  const Descriptor directory(folder, O_RDONLY | O_DIRECTORY);
  if (directory.number() < 0) {
    if (errno == EACCES) return;  // names may be made there but not listed
    refused(where, "open the folder to sync it", folder, errno);
  }
  if (::fsync(directory.number()) == 0) return;
  if (errno != EINVAL && errno != EROFS && errno != ENOTSUP) refused(where, "sync the folder", folder, errno);
}

DurableFile::DurableFile(const fs::path& target, std::string where)
    : where_(std::move(where)), target_(real_path(target, where_)) {
  struct stat replaced {};
  // What stays private in the end is private from the beginning; the writer itself must be able to write.
  const mode_t mode = ::stat(target_.c_str(), &replaced) == 0
                          ? (replaced.st_mode & permissions) | S_IRUSR | S_IWUSR
                          : S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
  const std::string stem = (target_.parent_path() / ("." + target_.filename().string())).string();
  for (int attempt = 0;; ++attempt) {
    path_ = stem + "." + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".partial";
    const int descriptor = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (descriptor >= 0) {
      ::close(descriptor);
      return;
    }
    if (errno != EEXIST) refused(where_, "write the file", target_, errno);
  }
}

DurableFile::~DurableFile() {
  if (!committed_) ::unlink(path_.c_str());  // already failing: the first error is the one to report
}

void DurableFile::write(std::string_view bytes) {
  const Descriptor file(path_, O_WRONLY | O_APPEND);
  if (file.number() < 0) refused(where_, "write the file", target_, errno);
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refused(where_, "write the file", target_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void DurableFile::commit(bool replace) {
  {
    const Descriptor file(path_, O_RDONLY);
    if (file.number() < 0) refused(where_, "open the finished file to sync it", target_, errno);
    if (replace && !take_permissions(file.number(), target_)) {
      refused(where_, "keep the permissions of the file", target_, errno);
    }
    if (::fsync(file.number()) != 0) refused(where_, "write the file to the disk", target_, errno);
  }
  // A hard link fails when the name exists, so that nothing is replaced by accident.
  const bool linked = !replace && ::link(path_.c_str(), target_.c_str()) == 0;
  if (!replace && !linked) {
    const int reason = errno;
    const bool no_links_here = reason == EPERM || reason == ENOTSUP || reason == EMLINK;
    if (!no_links_here) refused(where_, "give the finished file its name", target_, reason);
    if (::access(target_.c_str(), F_OK) == 0) refused(where_, "give the finished file its name", target_, EEXIST);
  }
  if (linked) {
    ::unlink(path_.c_str());
  } else if (::rename(path_.c_str(), target_.c_str()) != 0) {
    refused(where_, "give the finished file its name", target_, errno);
  }
  committed_ = true;
  sync_folder(target_.parent_path(), where_);
}

void remove_abandoned(const fs::path& target, const std::string& where) {
  const fs::path real = real_path(target, where);
  const std::string stem = "." + real.filename().string() + ".";
  constexpr std::string_view end = ".partial";
  std::error_code error;
  std::vector<fs::path> abandoned;
  for (fs::directory_iterator entry(real.parent_path(), error), last; !error && entry != last; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(stem) || !name.ends_with(end)) continue;
    pid_t process = 0;
    const char* const text = name.data() + stem.size();
    const auto [after, fault] = std::from_chars(text, name.data() + name.size() - end.size(), process);
    if (fault != std::errc() || *after != '-' || process <= 0) continue;
    if (::kill(process, 0) != 0 && errno == ESRCH) abandoned.push_back(entry->path());
  }
  for (const fs::path& file : abandoned) fs::remove(file, error);
}

}  // namespace luban::core
