#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <luban/parallel/communicator.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// What the program that started this process says of the group.
struct Launcher {
  std::string name;       ///< "mpirun", "srun", "sbatch", "PMIx", "PMI"
  int rank = 0;           ///< this process, [0, size)
  int size = 1;           ///< processes in all; 0 = not said (PMIx without mpirun or srun)
  bool started = true;    ///< false: a Slurm allocation of `size` tasks, of which nobody started the others
  bool connected = true;  ///< false: srun without an MPI plugin, every process would be a group of its own
};

/// Looks up one environment variable; null when it is not set.
using EnvironmentLookup = std::function<const char*(const char*)>;

/// The launcher of this process, from OMPI_COMM_WORLD_SIZE and _RANK, SLURM_STEP_NUM_TASKS, SLURM_NTASKS and
/// SLURM_PROCID, PMIX_RANK, PMI_SIZE and PMI_RANK, in this order; nothing when none is set.
/// @throws ConfigurationError when what they say is no number or contradicts itself.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::optional<Launcher> launcher(const EnvironmentLookup& lookup = {});

struct EnvironmentOptions {
  int ranks = 0;                 ///< ≥ 0; 0 = as many as the launcher says, one without a launcher
  std::string plugin_path = {};  ///< of the MPI plugin; empty = the one that find_plugin finds
};

/// The group that this process was started in: the MPI plugin when a launcher started several processes, otherwise
/// self. Never a silent group of one.
/// @throws ParallelError when the launcher, MPI and `ranks` disagree; what openmpi_communicator throws.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::shared_ptr<Communicator> environment_communicator(
    const EnvironmentOptions& options = {}, const EnvironmentLookup& lookup = {});

}  // namespace luban::parallel
