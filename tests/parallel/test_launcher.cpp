#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/launcher.hpp>

namespace luban::parallel {
namespace {

using Variables = std::map<std::string, std::string>;

EnvironmentLookup lookup_in(const Variables& variables) {
  return [&variables](const char* name) -> const char* {
    const auto at = variables.find(name);
    return at == variables.end() ? nullptr : at->second.c_str();
  };
}

/// name rank/size, and what hinders it
std::string found_in(const Variables& variables) {
  const std::optional<Launcher> found = launcher(lookup_in(variables));
  if (!found) return "nothing";
  return found->name + " " + std::to_string(found->rank) + "/" + std::to_string(found->size) +
         (found->started ? "" : " not started") + (found->connected ? "" : " not connected");
}

TEST(launcher, is_read_from_the_environment) {
  EXPECT_EQ(found_in({}), "nothing");
  EXPECT_EQ(found_in({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}}), "mpirun 3/4");
  EXPECT_EQ(found_in({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}, {"PMIX_RANK", "0"}}), "mpirun 0/1");
  // srun
  const Variables step = {{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "2"}, {"SLURM_STEP_ID", "0"}};
  EXPECT_EQ(found_in(step), "srun 2/4 not connected");
  Variables connected = step;
  connected["PMIX_RANK"] = "2";
  EXPECT_EQ(found_in(connected), "srun 2/4");
  // a step of one task inside an allocation of four
  EXPECT_EQ(found_in({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}),
            "srun 0/1 not connected");
  // a batch script or a shell inside an allocation
  EXPECT_EQ(found_in({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}}), "Slurm 0/4 not started");
  EXPECT_EQ(found_in({{"SLURM_NTASKS", "4"}}), "Slurm 0/4 not started");
  EXPECT_EQ(found_in({{"SLURM_NTASKS", "1"}, {"SLURM_PROCID", "0"}}), "nothing");
  // mpirun inside an allocation speaks for itself
  EXPECT_EQ(found_in({{"SLURM_NTASKS", "4"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "1"}}),
            "mpirun 1/2");
  EXPECT_EQ(found_in({{"PMIX_RANK", "5"}}), "PMIx 5/0");
  EXPECT_EQ(found_in({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}}), "mpiexec 1/2");
}

TEST(launcher, that_contradicts_itself_is_an_error) {
  const std::vector<Variables> wrong = {
      {{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "4"}},
      {{"OMPI_COMM_WORLD_SIZE", "0"}, {"OMPI_COMM_WORLD_RANK", "0"}},
      {{"OMPI_COMM_WORLD_SIZE", "four"}, {"OMPI_COMM_WORLD_RANK", "0"}},
      {{"OMPI_COMM_WORLD_SIZE", ""}, {"OMPI_COMM_WORLD_RANK", "0"}},
      {{"OMPI_COMM_WORLD_SIZE", "-4"}, {"OMPI_COMM_WORLD_RANK", "0"}},
      {{"OMPI_COMM_WORLD_RANK", "1"}},
      {{"SLURM_NTASKS", "2"}, {"SLURM_PROCID", "2"}, {"SLURM_STEP_ID", "0"}},
      {{"SLURM_NTASKS", "2x"}},
      {{"PMIX_RANK", "one"}},
      {{"PMI_SIZE", "2"}, {"PMI_RANK", "7"}},
  };
  for (const Variables& variables : wrong) {
    EXPECT_THROW(static_cast<void>(launcher(lookup_in(variables))), core::ConfigurationError)
        << variables.begin()->first << "=" << variables.begin()->second;
  }
}

/// The error's text, or the kind and size of the group.
std::string group_in(const Variables& variables, int ranks = 0) {
  try {
    const auto group =
        environment_communicator({.ranks = ranks, .plugin_path = "/nowhere/plugin.so"}, lookup_in(variables));
    return group->kind() + " " + std::to_string(group->size());
  } catch (const core::NotBuiltError&) {
    return "no plugin";
  } catch (const core::ParallelError& error) {
    return error.what();
  }
}

TEST(environment_communicator, without_a_launcher_is_self) {
  EXPECT_EQ(group_in({}), "self 1");
  EXPECT_EQ(group_in({}, 1), "self 1");
  EXPECT_EQ(group_in({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}}), "self 1");
  EXPECT_EQ(group_in({{"SLURM_NTASKS", "4"}}, 1), "self 1") << "one process in an allocation, when one is asked for";
}

TEST(environment_communicator, is_never_a_silent_group_of_one) {
  const Variables mpirun = {{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "1"}};
  EXPECT_EQ(group_in(mpirun), "no plugin");
  EXPECT_EQ(group_in(mpirun, 4), "no plugin");
  EXPECT_EQ(group_in({{"PMIX_RANK", "1"}}), "no plugin");
  EXPECT_EQ(
      group_in(mpirun, 1),
      "[parallel.communicator] expected 1 rank, received 4 ranks started by mpirun. Hint: start it with mpirun -n 1 "
      "luban train …, in Slurm with srun --mpi=pmix -n 1.");
  EXPECT_EQ(
      group_in({}, 3),
      "[parallel.communicator] expected 3 ranks, received one process, started by no launcher. Hint: start it with "
      "mpirun -n 3 luban train …, in Slurm with srun --mpi=pmix -n 3.");
  EXPECT_EQ(group_in({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}}),
            "[parallel.communicator] expected a process that srun has started, for Slurm has granted 4 tasks, received "
            "one process that it did not start. Hint: start it with mpirun -n 4 luban train …, in Slurm with srun "
            "--mpi=pmix -n 4; or ask for one rank when one is meant.");
  EXPECT_EQ(group_in({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "3"}, {"SLURM_STEP_ID", "0"}}),
            "[parallel.communicator] expected processes that can find one another, received srun without an MPI plugin "
            "(4 ranks). Hint: each would be a group of its own; start it with srun --mpi=pmix.");
}

TEST(environment_communicator, refuses_a_negative_number) {
  EXPECT_THROW(static_cast<void>(environment_communicator({.ranks = -1})), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::parallel
