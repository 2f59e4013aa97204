#include <luban/surrogate/artefact.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/surrogate/detail/safetensors.hpp>

namespace luban::surrogate {

namespace {

[[noreturn]] void refused(const char* where, const char* what, const std::filesystem::path& path) {
  throw core::IoError({.where = where,
                       .expected = std::string("to ") + what,
                       .received = std::strerror(errno),
                       .place = path.string(),
                       .hint = {}});
}

/// An open file that closes itself.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

void write_synced(const std::filesystem::path& path, const std::string& bytes) {
  constexpr const char* where = "surrogate.Artefact.save";
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.number() < 0) refused(where, "create the file", path);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::write(file.number(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refused(where, "write the file", path);
    done += static_cast<std::size_t>(count);
  }
  if (::fsync(file.number()) != 0) refused(where, "write the file to the disk", path);
}

}  // namespace

std::string Artefact::digest() const {
  return core::Sha256().update(detail::to_safetensors(*this)).hex();
}

void Artefact::save(const std::filesystem::path& path) const {
  constexpr const char* where = "surrogate.Artefact.save";
  const std::filesystem::path temporary = path.string() + ".part" + std::to_string(::getpid());
  try {
    write_synced(temporary, detail::to_safetensors(*this));
    if (::rename(temporary.c_str(), path.c_str()) != 0) refused(where, "give the file its name", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor directory(folder, O_RDONLY | O_DIRECTORY);
  if (directory.number() < 0 || ::fsync(directory.number()) != 0)
    refused(where, "write the folder to the disk", folder);
}

Artefact Artefact::load(const std::filesystem::path& path) {
  constexpr const char* where = "surrogate.Artefact.load";
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    errno = EISDIR;
    refused(where, "read a file", path);
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) refused(where, "open the file", path);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) refused(where, "read the file", path);
  return detail::from_safetensors(bytes, path.string());
}

}  // namespace luban::surrogate
