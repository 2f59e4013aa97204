#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/communicator.hpp>

#include "conformance.hpp"

namespace luban::parallel {
namespace {

class Self : public testing::TestWithParam<GroupCheck> {};
TEST_P(Self, conforms) {
  const std::shared_ptr<Communicator> ranks = self_communicator();
  EXPECT_EQ(ranks->kind(), "self");
  EXPECT_EQ(ranks->size(), 1);
  GetParam().run(*ranks);
}
INSTANTIATE_TEST_SUITE_P(communicator, Self, testing::ValuesIn(conformance()),
                         [](const auto& of) { return of.param.name; });

class Threads : public testing::TestWithParam<std::tuple<int, GroupCheck>> {};
TEST_P(Threads, conform) {
  on_threads(std::get<0>(GetParam()), [](Communicator& ranks) {
    EXPECT_EQ(ranks.kind(), "threads");
    EXPECT_EQ(ranks.size(), std::get<0>(GetParam()));
    std::get<1>(GetParam()).run(ranks);
  });
}
INSTANTIATE_TEST_SUITE_P(communicator, Threads,
                         testing::Combine(testing::Values(1, 2, 3, 5), testing::ValuesIn(conformance())),
                         [](const auto& of) {
                           return std::get<1>(of.param).name + "_" + std::to_string(std::get<0>(of.param));
                         });

TEST(thread_communicators, refuse_an_impossible_number) {
  for (const int count : {0, -1, 1025}) {
    EXPECT_THROW(static_cast<void>(thread_communicators(count)), core::ConfigurationError) << count;
  }
}

TEST(thread_communicators, sum_in_rank_order) {
  on_threads(3, [](Communicator& ranks) {
    std::vector<double> value = {std::vector<double>{1e16, 1.0, -1e16}[static_cast<std::size_t>(ranks.rank())]};
    ranks.all_reduce(std::span(value), Reduction::sum);
    EXPECT_EQ(value[0], (1e16 + 1.0) - 1e16);
  });
}

TEST(thread_communicators, a_rank_that_stops_waiting_frees_the_others) {
  const std::vector<std::shared_ptr<Communicator>> group = thread_communicators(3);  // rank 2 never takes part
  std::stop_source stop;
  core::CallControl control;
  control.stop = stop.get_token();
  {
    std::jthread stopping([&] {
      EXPECT_THROW(group[0]->barrier(control), core::StoppedError);
      EXPECT_THROW(group[0]->barrier(), core::LifecycleError);
      group[0]->agree("nobody is told any more");  // returns at once
    });
    std::jthread waiting([&] {
      EXPECT_THROW(group[1]->barrier(), core::ParallelError);
      EXPECT_THROW(group[1]->barrier(), core::ParallelError) << "for good";
    });
    stop.request_stop();
  }
}

TEST(thread_communicators, a_rank_that_leaves_frees_the_others) {
  std::vector<std::shared_ptr<Communicator>> group = thread_communicators(2);
  std::jthread leaver([own = std::move(group[1])]() mutable {
    static_cast<void>(own->all_gather("x"));
    own.reset();
  });
  EXPECT_EQ(group[0]->all_gather("y"), (std::vector<std::string>{"y", "x"}));
  try {
    group[0]->barrier();
    FAIL() << "there is nobody to wait for";
  } catch (const core::ParallelError& error) {
    EXPECT_EQ(error.detail().received, "rank 1, which left the group");
  }
}

TEST(thread_communicators, abort_frees_the_others) {
  on_threads(2, [](Communicator& ranks) {
    if (ranks.rank() == 1) {
      EXPECT_THROW(ranks.abort(3, "the licence is gone"), core::ParallelError);
    } else {
      try {
        ranks.barrier();
        ADD_FAILURE() << "the group has ended";
      } catch (const core::ParallelError& error) {
        EXPECT_NE(std::string(error.what()).find("the licence is gone (code 3)"), std::string::npos) << error.what();
      }
    }
  });
}

TEST(thread_communicators, a_rank_that_failed_is_told_of_and_then_gone) {
  std::vector<std::shared_ptr<Communicator>> group = thread_communicators(2);
  std::jthread failing([own = std::move(group[1])]() mutable {
    EXPECT_THROW(together(*own, [] { throw std::runtime_error("alone"); }), std::runtime_error);
    own.reset();
  });
  EXPECT_THROW(together(*group[0], [&] { group[0]->barrier(); }), core::ParallelError);
  EXPECT_THROW(group[0]->barrier(), core::ParallelError);
}

TEST(self_communicator, abort_is_an_error) {
  try {
    self_communicator()->abort(3, "the licence is gone");
    FAIL();
  } catch (const core::ParallelError& error) {
    EXPECT_EQ(error.detail().received, "the licence is gone (code 3)");
  }
}

TEST(self_communicator, stops_when_asked) {
  std::stop_source stop;
  stop.request_stop();
  core::CallControl control;
  control.stop = stop.get_token();
  EXPECT_THROW(self_communicator()->barrier(control), core::StoppedError);
}

}  // namespace
}  // namespace luban::parallel
