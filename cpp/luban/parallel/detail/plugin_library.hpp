#pragma once

#include <filesystem>

#include <luban/parallel/plugin_table.hpp>

namespace luban::parallel::detail {

/// Opens a plugin's file and checks that it fits this build; starts nothing. It stays open until the process ends: the
/// libraries behind it do not survive being closed.
/// @throws NotBuiltError, IntegrityError, VersionError, IoError as openmpi_communicator.
[[nodiscard]] const plugin::Table& load_plugin(const std::filesystem::path& path);

}  // namespace luban::parallel::detail
