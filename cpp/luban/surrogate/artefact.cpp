#include <luban/surrogate/artefact.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include <luban/core/durable_file.hpp>
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

}  // namespace

std::string Artefact::digest() const {
  return core::Sha256().update(detail::to_safetensors(*this)).hex();
}

void Artefact::save(const std::filesystem::path& path) const {
  core::DurableFile file(path, "surrogate.Artefact.save");
  file.write(detail::to_safetensors(*this));
  file.commit(true);
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
