// Run under mpirun with 1, 2 and 3 ranks.
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/launcher.hpp>
#include <luban/parallel/plugin.hpp>

#include "conformance.hpp"

namespace luban::parallel {
namespace {

class Openmpi : public testing::TestWithParam<GroupCheck> {};
TEST_P(Openmpi, conforms) {
  const std::shared_ptr<Communicator> ranks = openmpi_communicator();
  EXPECT_EQ(ranks->kind(), "openmpi");
  GetParam().run(*ranks);
}
INSTANTIATE_TEST_SUITE_P(communicator, Openmpi, testing::ValuesIn(conformance()),
                         [](const auto& of) { return of.param.name; });

TEST(openmpi, is_the_group_that_the_launcher_says) {
  const std::shared_ptr<Communicator> world = openmpi_communicator();
  const std::optional<Launcher> found = launcher();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->name == "mpirun" || found->name == "srun") << found->name;
  EXPECT_EQ(found->size, world->size());
  EXPECT_EQ(found->rank, world->rank());
  const std::shared_ptr<Communicator> group = environment_communicator();
  EXPECT_EQ(group->size(), world->size());
  EXPECT_EQ(group->kind(), world->size() == 1 ? "self" : "openmpi");
  EXPECT_EQ(environment_communicator({.ranks = world->size()})->size(), world->size());
  EXPECT_THROW(static_cast<void>(environment_communicator({.ranks = world->size() + 1})), core::ParallelError);
}

TEST(openmpi, is_opened_once) {
  EXPECT_EQ(openmpi_communicator(), openmpi_communicator());
}

TEST(openmpi, may_be_called_from_any_thread_in_turn) {
  const std::shared_ptr<Communicator> world = openmpi_communicator();
  for (int turn = 0; turn < 20; ++turn) {
    std::jthread([&] { EXPECT_TRUE(world->any(world->rank() == turn % world->size())); }).join();
  }
}

TEST(openmpi, says_its_version) {
  const Plugin plugin = find_plugin("openmpi");
  EXPECT_TRUE(plugin.usable) << plugin.why_not;
  EXPECT_EQ(plugin.library.substr(0, 8), "Open MPI");
}

TEST(openmpi, gathers_megabytes_of_different_lengths) {
  const std::shared_ptr<Communicator> world = openmpi_communicator();
  const auto of = [](int rank) {
    return std::string(static_cast<std::size_t>(rank + 1) * 1'000'003, static_cast<char>('a' + rank));
  };
  const std::vector<std::string> all = world->all_gather(of(world->rank()));
  for (int rank = 0; rank < world->size(); ++rank) EXPECT_TRUE(all[static_cast<std::size_t>(rank)] == of(rank));
}

}  // namespace
}  // namespace luban::parallel
