#include "elf_file.hpp"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <system_error>

namespace luban::parallel::detail {

std::string elf_damage(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return error.message();
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof(header))) return "a file too short for a library";
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "a file that is no library";
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr)) {
    return "no 64-bit shared library";
  }
  const auto beyond = [size](std::uint64_t begin, std::uint64_t length) {
    return begin > size || length > size - begin;
  };
  if (beyond(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize)) return "a truncated library";
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof(segment))) return "a truncated library";
    if (segment.p_type == PT_LOAD && beyond(segment.p_offset, segment.p_filesz)) return "a truncated library";
  }
  return {};
}

}  // namespace luban::parallel::detail
