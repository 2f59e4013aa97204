#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <luban/parallel/communicator.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// A plugin as it was found; opening its file starts nothing.
struct Plugin {
  std::string name;            ///< "openmpi"
  std::filesystem::path path;  ///< where it is, or where it was looked for
  bool present = false;        ///< there is such a file
  bool usable = false;         ///< it fits this build, and the libraries that it needs are there
  std::string library;         ///< what the library behind it says of its version
  std::string why_not;         ///< text of the error; empty when usable
};

/// Where the plugin `libluban_parallel_<name>.so` is or should be: the environment variable LUBAN_<NAME>_PLUGIN, else
/// beside libluban_parallel.so.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::filesystem::path plugin_path(std::string_view name);

/// Looks at a plugin, for people who ask what works. Never throws for a plugin that is missing or broken.
[[nodiscard]] LUBAN_PARALLEL_EXPORT Plugin find_plugin(std::string_view name);

struct PluginOptions {
  std::filesystem::path path = {};          ///< empty = plugin_path("openmpi")
  std::size_t largest_message = 1U << 30U;  ///< [1, 2^31 − 1] bytes; longer data go in parts, for MPI counts in int
  /// Milliseconds ≥ 0 that a rank goes on waiting after another has left: that one may have finished a call which
  /// is still on its way here. 5 s is far above any delay of a loaded machine.
  int patience_ms = 5000;
};

/// The MPI world through the plugin `openmpi`. MPI is initialised at the first call and finalised when the process
/// ends, unless somebody else had initialised it. The same object every time for one plugin.
/// @throws NotBuiltError when there is no plugin; IntegrityError when the file is damaged or no plugin; VersionError
/// when it belongs to another build; IoError when its libraries are missing; ParallelError when MPI refuses.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::shared_ptr<Communicator> openmpi_communicator(
    const PluginOptions& options = {});

}  // namespace luban::parallel
