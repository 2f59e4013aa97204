#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <string_view>

namespace luban::history::detail {
namespace {

constexpr std::string_view seal_begin = "luban-seal 1 sha256 ";
constexpr std::string_view heap_begin = "luban-heap ";

[[noreturn]] void io_error(const char* doing, const std::filesystem::path& path) {
  throw core::IoError({.where = "history.write",
                       .expected = std::string("to ") + doing,
                       .received = std::strerror(errno),
                       .place = path.string(),
                       .hint = "check the folder, its permissions and the free space"});
}

/// A whole file as bytes, mapped for reading.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) io_error("open the file", path);
    struct stat status {};  // of what is open: the name may be another file's by now
    if (::fstat(fd, &status) != 0) {
      ::close(fd);
      io_error("look at the file", path);
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    if (data_ == MAP_FAILED) io_error("map the file", path);
  }
  ~MappedFile() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::string_view bytes() const noexcept { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

std::string line(std::string text) {
  text.resize(seal_size - 1, ' ');
  return text + '\n';
}

std::string seal_line(const std::string& hex, std::size_t length) {
  return line(std::string(seal_begin) + hex + " bytes " + std::to_string(length));
}

std::string heap_line(std::string_view bytes, std::size_t offset, std::size_t length) {
  const std::string hex = core::Sha256().update(bytes.substr(offset, length)).hex();
  return line(std::string(heap_begin) + std::to_string(offset) + " " + std::to_string(length) + " " + hex);
}

/// Stretches of global heap collections: each begins with its signature, a version and its own length.
std::string heap_lines(std::string_view bytes) {
  using namespace std::string_view_literals;
  constexpr std::string_view signature = "GCOL\1\0\0\0"sv;
  constexpr std::size_t header = 16;
  std::string lines;
  std::size_t begin = 0;
  std::size_t end = 0;  // of the stretch that is being extended
  for (std::size_t at = bytes.find(signature); at != bytes.npos; at = bytes.find(signature, at)) {
    std::uint64_t length = 0;
    if (at + header <= bytes.size()) std::memcpy(&length, bytes.data() + at + signature.size(), sizeof length);
    if (length < header || length > bytes.size() - at) {  // those eight bytes by chance, inside data
      ++at;
      continue;
    }
    if (at != end) {
      if (end > begin) lines += heap_line(bytes, begin, end - begin);
      begin = at;
    }
    end = at + length;
    at = end;
  }
  if (end > begin) lines += heap_line(bytes, begin, end - begin);
  return lines;
}

}  // namespace

Seal make_seal(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string lines = heap_lines(file.bytes());
  core::Sha256 hash;
  hash.update(file.bytes()).update(lines);
  const std::string last = seal_line(hash.hex(), file.bytes().size() + lines.size());
  hash.update(last);
  const std::size_t count = file.bytes().size() + lines.size() + last.size();
  return {lines + last, {hash.hex(), static_cast<std::int64_t>(count)}};
}

SealState check_seal(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  if (bytes.size() < seal_size) return SealState::missing;
  const std::size_t body = bytes.size() - seal_size;
  if (bytes.substr(body, seal_begin.size()) != seal_begin) return SealState::missing;
  const std::string expected = seal_line(core::Sha256().update(bytes.substr(0, body)).hex(), body);
  return bytes.substr(body) == expected ? SealState::intact : SealState::broken;
}

FileBytes hash_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {core::Sha256().update(file.bytes()).hex(), static_cast<std::int64_t>(file.bytes().size())};
}

void require_intact_heaps(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  std::size_t below = bytes.size();
  for (std::size_t end = bytes.size(); end >= seal_size; end -= seal_size) {
    const std::string_view text = bytes.substr(end - seal_size, seal_size);
    if (end == bytes.size() && text.starts_with(seal_begin)) continue;
    if (!text.starts_with(heap_begin)) return;
    std::size_t offset = 0;
    std::size_t length = 0;
    const char* const last = text.data() + text.size();
    const auto [after, ok] = std::from_chars(text.data() + heap_begin.size(), last, offset);
    const bool numbers = ok == std::errc() && after < last && *after == ' ' &&
                         std::from_chars(after + 1, last, length).ec == std::errc();
    // Stretches descend: together they are no longer than the file.
    const bool inside = numbers && offset <= below && length <= below - offset;
    below = inside ? offset : 0;
    if (!inside || heap_line(bytes, offset, length) != text) {
      throw core::IntegrityError({.where = "history.open",
                                  .expected = "the heap of variable-length texts as it was written",
                                  .received = "other bytes",
                                  .place = path.string(),
                                  .hint = "the file is damaged; restore it from a copy or import again"});
    }
  }
}

}  // namespace luban::history::detail
