#pragma once

#include <filesystem>
#include <string>

#include <luban/parallel/export.hpp>

namespace luban::parallel::detail {

/// What is wrong with a shared library's file, as far as its headers say; "" when it is whole. The dynamic loader
/// maps a file without asking how long it is: a truncated one would end the process instead of failing to load.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::string elf_damage(const std::filesystem::path& path);

}  // namespace luban::parallel::detail
