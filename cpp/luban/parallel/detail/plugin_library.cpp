#include "plugin_library.hpp"

#include <dlfcn.h>

#include <string>
#include <system_error>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

#include "elf_file.hpp"

namespace luban::parallel::detail {
namespace {

constexpr const char* where = "parallel.load_plugin";
constexpr const char* rebuild = "build it together with this luban: LUBAN_WITH_OPENMPI=1 pip install .";

bool complete(const plugin::Table& table) {
  return table.name != nullptr && table.built_with != nullptr && table.explain != nullptr &&
         table.library_version != nullptr && table.open != nullptr && table.exchange != nullptr &&
         table.broadcast != nullptr && table.all_reduce != nullptr && table.all_gather != nullptr &&
         table.split != nullptr && table.release != nullptr && table.abort != nullptr && table.leave != nullptr;
}

void check_fits(const plugin::Table* table, const std::string& place) {
  if (table == nullptr) {
    throw core::IntegrityError({.where = where,
                                .expected = "a plugin with a table of functions",
                                .received = "one that gave none",
                                .place = place,
                                .hint = rebuild});
  }
  if (table->abi_version != plugin::abi_version || table->table_bytes != sizeof(plugin::Table)) {
    throw core::VersionError({.where = where,
                              .expected = "a plugin of interface " + std::to_string(plugin::abi_version) + " (" +
                                          std::to_string(sizeof(plugin::Table)) + " bytes)",
                              .received = "interface " + std::to_string(table->abi_version) + " (" +
                                          std::to_string(table->table_bytes) + " bytes)",
                              .place = place,
                              .hint = rebuild});
  }
  if (!complete(*table)) {
    throw core::IntegrityError({.where = where,
                                .expected = "a plugin with every function",
                                .received = "one that lacks some",
                                .place = place,
                                .hint = rebuild});
  }
}

}  // namespace

const plugin::Table& load_plugin(const std::filesystem::path& path) {
  const std::string place = path.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw core::NotBuiltError({.where = where,
                               .expected = "the plugin for MPI, without which there is one rank only",
                               .received = "no such file",
                               .place = place,
                               .hint = "install libopenmpi-dev and build luban with it: LUBAN_WITH_OPENMPI=1 pip "
                                       "install . (or let LUBAN_OPENMPI_PLUGIN name the file)"});
  }
  if (const std::string damage = elf_damage(path); !damage.empty()) {
    throw core::IntegrityError(
        {.where = where, .expected = "a whole plugin", .received = damage, .place = place, .hint = rebuild});
  }
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    throw core::IoError({.where = where,
                         .expected = "a plugin that can be loaded",
                         .received = reason != nullptr ? reason : "no reason",
                         .place = place,
                         .hint =
                             "the MPI that it was built with is missing: install openmpi-bin, or load the cluster's "
                             "module of Open MPI"});
  }
  void* const found = dlsym(library, plugin::symbol);
  if (found == nullptr) {
    throw core::IntegrityError({.where = where,
                                .expected = "a plugin of luban",
                                .received = "a library without the symbol " + core::quoted(plugin::symbol),
                                .place = place,
                                .hint = rebuild});
  }
  const auto entry = reinterpret_cast<plugin::Entry>(found);
  const plugin::Table* const table = entry();
  check_fits(table, place);
  return *table;
}

}  // namespace luban::parallel::detail
