#pragma once

#include <filesystem>
#include <istream>
#include <optional>

#include <luban/parallel/export.hpp>

namespace luban::parallel::detail {

/// Whole CPUs of the tightest quota on the way from a process's control group to the root, rounded up as half a CPU
/// still runs one thread; nothing when no group has a quota. Versions 2 (`cpu.max`) and 1 (`cpu.cfs_quota_us`).
/// @param mount where the control groups are mounted, /sys/fs/cgroup; @param membership text of /proc/self/cgroup
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::optional<int> cgroup_cpus(const std::filesystem::path& mount,
                                                                   std::istream& membership);

}  // namespace luban::parallel::detail
