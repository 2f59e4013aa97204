#include <luban/parallel/launcher.hpp>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/plugin.hpp>

namespace luban::parallel {
namespace {

constexpr const char* where = "parallel.communicator";

class Variables {
 public:
  explicit Variables(EnvironmentLookup lookup) : lookup_(std::move(lookup)) {}

  [[nodiscard]] bool has(const char* name) const { return get(name) != nullptr; }
  [[nodiscard]] std::optional<int> number(const char* name) const {
    const char* const text = get(name);
    if (text == nullptr) return std::nullopt;
    const std::string_view digits(text);
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || value < 0) {
      throw core::ConfigurationError({.where = "parallel.launcher",
                                      .expected = std::string("a whole number of at least 0 in ") + name,
                                      .received = core::quoted(digits),
                                      .place = "environment",
                                      .hint = "mpirun and srun set it; unset it when neither started this process"});
    }
    return value;
  }

 private:
  [[nodiscard]] const char* get(const char* name) const { return lookup_ ? lookup_(name) : std::getenv(name); }
  EnvironmentLookup lookup_;
};

Launcher checked(Launcher found, const char* size_name, const char* rank_name) {
  if (found.size < 1 || found.rank >= found.size) {
    throw core::ConfigurationError(
        {.where = "parallel.launcher",
         .expected = std::string(rank_name) + " below " + size_name,
         .received = "rank " + std::to_string(found.rank) + ", size " + std::to_string(found.size),
         .place = "environment",
         .hint = "mpirun and srun set both; unset them when neither started this process"});
  }
  return found;
}

std::optional<Launcher> slurm(const Variables& variables) {
  const std::optional<int> step = variables.number("SLURM_STEP_NUM_TASKS");
  const std::optional<int> tasks = step ? step : variables.number("SLURM_NTASKS");
  if (!tasks) return std::nullopt;
  const std::optional<int> rank = variables.number("SLURM_PROCID");
  // A batch script has SLURM_PROCID too, but it is no step: nobody has started the other tasks.
  if (!rank || !(step || variables.has("SLURM_STEP_ID"))) {
    if (*tasks <= 1) return std::nullopt;
    return Launcher{.name = "Slurm", .rank = 0, .size = *tasks, .started = false};
  }
  const bool connected = variables.has("PMIX_RANK") || variables.has("PMI_RANK") || variables.has("PMI_FD");
  return checked({.name = "srun", .rank = *rank, .size = *tasks, .connected = connected}, "SLURM_NTASKS",
                 "SLURM_PROCID");
}

[[noreturn]] void refuse(const std::string& expected, const std::string& received, const std::string& hint) {
  throw core::ParallelError({.where = where, .expected = expected, .received = received, .place = {}, .hint = hint});
}

std::string ranks_text(int count) {
  return std::to_string(count) + (count == 1 ? " rank" : " ranks");
}

std::string how_to_start(int count) {
  const std::string n = std::to_string(count);
  return "start it with mpirun -n " + n + " luban train …, in Slurm with srun --mpi=pmix -n " + n;
}

/// Whether what the launcher says can be what was asked for, before MPI is touched.
void check_request(const std::optional<Launcher>& found, int wanted) {
  if (!found) {
    if (wanted > 1) refuse(ranks_text(wanted), "one process, started by no launcher", how_to_start(wanted));
    return;
  }
  if (!found->started) {
    if (wanted == 1) return;
    refuse("a process that srun has started, for Slurm has granted " + std::to_string(found->size) + " tasks",
           "one process that it did not start",
           how_to_start(wanted > 0 ? wanted : found->size) + "; or ask for one rank when one is meant");
  }
  if (wanted > 0 && found->size > 0 && wanted != found->size) {
    refuse(ranks_text(wanted), ranks_text(found->size) + " started by " + found->name, how_to_start(wanted));
  }
  if (found->size > 1 && !found->connected) {
    refuse("processes that can find one another", "srun without an MPI plugin (" + ranks_text(found->size) + ")",
           "each would be a group of its own; start it with srun --mpi=pmix");
  }
}

}  // namespace

std::optional<Launcher> launcher(const EnvironmentLookup& lookup) {
  const Variables variables(lookup);
  const std::optional<int> size = variables.number("OMPI_COMM_WORLD_SIZE");
  const std::optional<int> rank = variables.number("OMPI_COMM_WORLD_RANK");
  if (size || rank) {
    return checked({.name = "mpirun", .rank = rank.value_or(0), .size = size.value_or(0)}, "OMPI_COMM_WORLD_SIZE",
                   "OMPI_COMM_WORLD_RANK");
  }
  if (auto found = slurm(variables)) return found;
  if (const auto pmix = variables.number("PMIX_RANK")) return Launcher{.name = "PMIx", .rank = *pmix, .size = 0};
  if (const auto pmi = variables.number("PMI_SIZE")) {
    return checked({.name = "mpiexec", .rank = variables.number("PMI_RANK").value_or(0), .size = *pmi}, "PMI_SIZE",
                   "PMI_RANK");
  }
  return std::nullopt;
}

std::shared_ptr<Communicator> environment_communicator(const EnvironmentOptions& options,
                                                       const EnvironmentLookup& lookup) {
  if (options.ranks < 0) {
    throw core::ConfigurationError({.where = where,
                                    .expected = "at least 1 rank, or 0 for as many as the launcher says",
                                    .received = std::to_string(options.ranks),
                                    .place = {},
                                    .hint = {}});
  }
  const std::optional<Launcher> found = launcher(lookup);
  check_request(found, options.ranks);
  if (!found || !found->started || found->size == 1) return self_communicator();

  std::shared_ptr<Communicator> world = openmpi_communicator({.path = options.plugin_path});
  const int expected = found->size > 0 ? found->size : options.ranks;
  const bool alone = expected == 0 && world->size() <= found->rank;
  if (alone || (expected > 0 && world->size() != expected)) {
    refuse(expected > 0 ? "a group of " + ranks_text(expected) + ", as " + found->name + " says"
                        : "a group that has a rank " + std::to_string(found->rank) + ", as " + found->name + " says",
           "an MPI that knows of " + std::to_string(world->size()),
           "launcher and plugin belong to different MPIs: use the mpirun of the Open MPI that luban doctor names, "
           "or srun --mpi=pmix");
  }
  return world;
}

}  // namespace luban::parallel
