#include <luban/parallel/plugin.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <system_error>

#include <luban/core/error.hpp>

#include "detail/plugin_library.hpp"

namespace luban::parallel {

std::filesystem::path plugin_path(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  if (const char* given = std::getenv(("LUBAN_" + upper + "_PLUGIN").c_str()); given != nullptr && *given != '\0') {
    return given;
  }
  const std::string file = "libluban_parallel_" + std::string(name) + ".so";
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&plugin_path), &here) == 0 || here.dli_fname == nullptr) return file;
  return std::filesystem::absolute(here.dli_fname).parent_path() / file;
}

Plugin find_plugin(std::string_view name) {
  Plugin out{.name = std::string(name), .path = plugin_path(name), .library = {}, .why_not = {}};
  std::error_code error;
  out.present = std::filesystem::is_regular_file(out.path, error);
  try {
    out.library = detail::load_plugin(out.path).library_version();
    out.usable = true;
  } catch (const core::Error& reason) {
    out.why_not = reason.what();
  }
  return out;
}

}  // namespace luban::parallel
