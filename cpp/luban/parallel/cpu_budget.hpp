#pragma once

#include <string>

#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// How many threads this process may use and which limit decided it. oneTBB knows the affinity mask but not
/// cgroup quotas or Slurm's grant, so the minimum of all is taken here, once.
struct LUBAN_PARALLEL_EXPORT CpuBudget {
  int threads = 1;
  std::string decided_by;  ///< "user", "SLURM_CPUS_PER_TASK", "affinity", "cgroup"
};

/// @param user_limit from an option or LUBAN_THREADS; 0 = none. @throws ConfigurationError when negative.
[[nodiscard]] LUBAN_PARALLEL_EXPORT CpuBudget cpu_budget(int user_limit = 0);

}  // namespace luban::parallel
