#include "conformance.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>

namespace luban::parallel {
namespace {

/// Bytes that depend on the rank and the turn alone, zeros among them; lengths from 0 to a few thousand.
std::string bytes_of(int rank, int turn) {
  core::Generator generator =
      core::RandomKey(17).child(static_cast<std::uint64_t>(turn)).child(static_cast<std::uint64_t>(rank)).generator();
  const auto length = static_cast<std::size_t>(std::abs(generator.normal()) * 1000.0);
  std::string out(turn % 4 == 0 ? 0 : length, '\0');
  for (char& byte : out) byte = static_cast<char>(static_cast<int>(generator.normal() * 40.0));
  return out;
}

std::vector<double> values_of(int rank, int turn, std::size_t count) {
  core::Generator generator =
      core::RandomKey(23).child(static_cast<std::uint64_t>(turn)).child(static_cast<std::uint64_t>(rank)).generator();
  std::vector<double> out(count);
  for (double& value : out) value = generator.normal() * std::pow(10.0, 4.0 * generator.normal());
  return out;
}

void knows_its_place(Communicator& ranks) {
  EXPECT_GE(ranks.rank(), 0);
  EXPECT_LT(ranks.rank(), ranks.size());
  std::vector<std::int64_t> seen(static_cast<std::size_t>(ranks.size()));
  seen[static_cast<std::size_t>(ranks.rank())] = 1;
  ranks.all_reduce(std::span(seen), Reduction::sum);
  EXPECT_EQ(seen, std::vector<std::int64_t>(seen.size(), 1)) << "each rank once";
}

void gathers_by_rank(Communicator& ranks) {
  for (int turn = 0; turn < 12; ++turn) {
    const std::vector<std::string> all = ranks.all_gather(bytes_of(ranks.rank(), turn));
    ASSERT_EQ(all.size(), static_cast<std::size_t>(ranks.size()));
    for (int rank = 0; rank < ranks.size(); ++rank) {
      EXPECT_EQ(all[static_cast<std::size_t>(rank)], bytes_of(rank, turn)) << rank;
    }
  }
}

void broadcasts_from_any_rank(Communicator& ranks) {
  for (int root = 0; root < ranks.size(); ++root) {
    const std::string mine = bytes_of(ranks.rank(), 5 + root);
    EXPECT_EQ(ranks.broadcast(mine, root), bytes_of(root, 5 + root));
    EXPECT_EQ(ranks.broadcast(ranks.rank() == root ? "" : "not looked at", root), "");
    std::vector<double> buffer = values_of(ranks.rank(), root, 777);
    ranks.broadcast_into(std::as_writable_bytes(std::span(buffer)), root);
    EXPECT_EQ(buffer, values_of(root, root, 777));
  }
}

template <typename T>
void reduces_as_a_loop_does(Communicator& ranks, double tolerance) {
  for (int turn = 0; turn < 6; ++turn) {
    const std::size_t count = std::vector<std::size_t>{0, 1, 3, 64, 1000, 20'000}[static_cast<std::size_t>(turn)];
    std::vector<std::vector<T>> all;
    for (int rank = 0; rank < ranks.size(); ++rank) {
      const std::vector<double> values = values_of(rank, turn, count);
      all.emplace_back();
      for (const double value : values) all.back().push_back(static_cast<T>(value));
    }
    for (const Reduction how : {Reduction::sum, Reduction::max, Reduction::min}) {
      std::vector<T> mine = all[static_cast<std::size_t>(ranks.rank())];
      ranks.all_reduce(std::span(mine), how);
      for (std::size_t i = 0; i < count; ++i) {
        T expected = all[0][i];
        double size = std::abs(static_cast<double>(all[0][i]));
        for (std::size_t rank = 1; rank < all.size(); ++rank) {
          const T other = all[rank][i];
          size += std::abs(static_cast<double>(other));
          expected = how == Reduction::sum   ? static_cast<T>(expected + other)
                     : how == Reduction::max ? std::max(expected, other)
                                             : std::min(expected, other);
        }
        ASSERT_NEAR(static_cast<double>(mine[i]), static_cast<double>(expected), tolerance * size) << i;
      }
    }
  }
}

void reduces_float64(Communicator& ranks) {
  reduces_as_a_loop_does<double>(ranks, 1e-15);
}
void reduces_float32(Communicator& ranks) {
  reduces_as_a_loop_does<float>(ranks, 1e-6);
}
void reduces_int64(Communicator& ranks) {
  reduces_as_a_loop_does<std::int64_t>(ranks, 0.0);
}

void reduces_large_integers_exactly(Communicator& ranks) {
  std::vector<std::int64_t> value = {std::numeric_limits<std::int64_t>::max() - ranks.rank()};
  ranks.all_reduce(std::span(value), Reduction::min);
  EXPECT_EQ(value[0], std::numeric_limits<std::int64_t>::max() - (ranks.size() - 1));
}

void gives_the_same_bits_on_all_ranks_each_time(Communicator& ranks) {
  std::vector<std::string> seen;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<double> values = values_of(ranks.rank(), 3, 5000);
    ranks.all_reduce(std::span(values), Reduction::sum);
    const auto* const bytes = reinterpret_cast<const char*>(values.data());
    for (const std::string& other : ranks.all_gather({bytes, values.size() * sizeof(double)})) seen.push_back(other);
  }
  for (const std::string& other : seen) ASSERT_TRUE(other == seen[0]);
}

void any_is_the_or_of_all(Communicator& ranks) {
  EXPECT_FALSE(ranks.any(false));
  EXPECT_TRUE(ranks.any(true));
  EXPECT_TRUE(ranks.any(ranks.rank() == ranks.size() - 1));
}

/// Nobody comes out before the last has gone in. The clock is one for all processes of a machine.
void a_barrier_holds_until_all_are_there(Communicator& ranks) {
  const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  for (int late = 0; late < ranks.size(); ++late) {
    if (ranks.rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::vector<std::int64_t> last_in = {now()};
    ranks.barrier();
    std::vector<std::int64_t> first_out = {now()};
    ranks.all_reduce(std::span(last_in), Reduction::max);
    ranks.all_reduce(std::span(first_out), Reduction::min);
    EXPECT_LE(last_in[0], first_out[0]);
  }
}

void splits_by_color_and_key(Communicator& ranks) {
  const int color = ranks.rank() % 2;
  const std::shared_ptr<Communicator> part = ranks.split(color, -ranks.rank());  // the last rank comes first
  EXPECT_EQ(part->size(), (ranks.size() + 1 - color) / 2);
  EXPECT_EQ(part->kind(), ranks.kind());
  std::vector<std::string> expected;
  for (int rank = ranks.size() - 1; rank >= 0; --rank) {
    if (rank % 2 == color) expected.push_back(std::to_string(rank));
  }
  EXPECT_EQ(part->all_gather(std::to_string(ranks.rank())), expected);
  EXPECT_EQ(expected[static_cast<std::size_t>(part->rank())], std::to_string(ranks.rank()));
  const std::shared_ptr<Communicator> again = part->split(0);
  EXPECT_EQ(again->rank(), part->rank());
  ranks.barrier();
}

void splits_twice_with_the_same_colors(Communicator& ranks) {
  const std::shared_ptr<Communicator> first = ranks.split(7);
  const std::shared_ptr<Communicator> second = ranks.split(7);
  EXPECT_EQ(first->all_gather("a").size(), static_cast<std::size_t>(ranks.size()));
  EXPECT_EQ(second->all_gather("b").size(), static_cast<std::size_t>(ranks.size()));
  first->barrier();
  ranks.barrier();
}

void refuses_wrong_arguments(Communicator& ranks) {
  for (const int root : {-1, ranks.size()}) {
    EXPECT_THROW(static_cast<void>(ranks.broadcast("", root)), core::ConfigurationError);
    EXPECT_THROW(ranks.broadcast_into({}, root), core::ConfigurationError);
  }
  EXPECT_THROW(static_cast<void>(ranks.split(-1)), core::ConfigurationError);
  ranks.barrier();  // nothing has moved
}

/// Calls that do not fit are an error on every rank, and the group goes on after it.
void notices_calls_that_do_not_fit(Communicator& ranks) {
  if (ranks.size() == 1) return;
  const bool first = ranks.rank() == 0;
  const auto mixed = [&] {
    if (first) {
      ranks.barrier();
    } else {
      static_cast<void>(ranks.all_gather("x"));
    }
  };
  EXPECT_THROW(mixed(), core::ParallelError);
  std::vector<double> values(first ? 3 : 4);
  EXPECT_THROW(ranks.all_reduce(std::span(values), Reduction::sum), core::ParallelError);
  std::vector<double> few(2);
  EXPECT_THROW(ranks.all_reduce(std::span(few), first ? Reduction::sum : Reduction::max), core::ParallelError);
  EXPECT_THROW(static_cast<void>(ranks.broadcast("x", first ? 0 : 1)), core::ParallelError);
  EXPECT_THROW(ranks.broadcast_into(std::as_writable_bytes(std::span(values)), 0), core::ParallelError);
  EXPECT_EQ(ranks.all_gather("y").size(), static_cast<std::size_t>(ranks.size()));
}

/// Every rank in turn fails before its part of a gather that the others are already in.
void a_failure_reaches_the_others_wherever_they_are(Communicator& ranks) {
  for (int failing = 0; failing < ranks.size(); ++failing) {
    const auto section = [&] {
      if (ranks.rank() == failing) throw std::runtime_error("the disk is full");
      static_cast<void>(ranks.all_gather("part"));
      ADD_FAILURE() << "the gather cannot succeed";
    };
    try {
      together(ranks, section);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const core::ParallelError& error) {
      EXPECT_NE(ranks.rank(), failing);
      EXPECT_NE(error.detail().received.find("rank " + std::to_string(failing) + " on "), std::string::npos);
      EXPECT_NE(error.detail().received.find("the disk is full"), std::string::npos) << error.what();
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(ranks.rank(), failing);
      EXPECT_STREQ(error.what(), "the disk is full");
    }
    EXPECT_TRUE(ranks.any(ranks.rank() == failing)) << "the group goes on";
  }
}

void all_may_fail_at_once(Communicator& ranks) {
  const auto section = [&] { throw std::runtime_error("rank " + std::to_string(ranks.rank())); };
  try {
    together(ranks, section);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "rank " + std::to_string(ranks.rank())) << "each throws its own";
  }
  together(ranks, [&] { ranks.barrier(); });
}

void nested_sections_leave_together(Communicator& ranks) {
  const auto outer = [&] {
    together(ranks, [&] { ranks.barrier(); });
    together(ranks, [&] {
      if (ranks.rank() == ranks.size() - 1) throw std::runtime_error("inner");
      static_cast<void>(ranks.all_gather("part"));
    });
  };
  EXPECT_THROW(together(ranks, outer), std::runtime_error);  // ParallelError is one
  ranks.barrier();
}

void agrees_when_all_went_well(Communicator& ranks) {
  int done = 0;
  together(ranks, [&] { ++done; });
  ranks.agree({});
  EXPECT_EQ(done, 1);
}

/// Random calls with random data, the same on all ranks, against what they must give.
void random_calls(Communicator& ranks) {
  core::Generator generator = core::RandomKey(5).generator();
  for (int turn = 0; turn < 60; ++turn) {
    const int choice = static_cast<int>(std::abs(generator.normal()) * 100.0) % 4;
    const int root = turn % ranks.size();
    if (choice == 0) {
      EXPECT_EQ(ranks.broadcast(bytes_of(ranks.rank(), turn), root), bytes_of(root, turn));
    } else if (choice == 1) {
      EXPECT_EQ(ranks.all_gather(bytes_of(ranks.rank(), turn))[static_cast<std::size_t>(root)], bytes_of(root, turn));
    } else if (choice == 2) {
      EXPECT_EQ(ranks.any(ranks.rank() == root), true);
    } else {
      ranks.barrier();
    }
  }
}

}  // namespace

const std::vector<GroupCheck>& conformance() {
  static const std::vector<GroupCheck> checks = {
      {"knows_its_place", knows_its_place},
      {"gathers_by_rank", gathers_by_rank},
      {"broadcasts_from_any_rank", broadcasts_from_any_rank},
      {"reduces_float64", reduces_float64},
      {"reduces_float32", reduces_float32},
      {"reduces_int64", reduces_int64},
      {"reduces_large_integers_exactly", reduces_large_integers_exactly},
      {"gives_the_same_bits_on_all_ranks_each_time", gives_the_same_bits_on_all_ranks_each_time},
      {"any_is_the_or_of_all", any_is_the_or_of_all},
      {"a_barrier_holds_until_all_are_there", a_barrier_holds_until_all_are_there},
      {"splits_by_color_and_key", splits_by_color_and_key},
      {"splits_twice_with_the_same_colors", splits_twice_with_the_same_colors},
      {"refuses_wrong_arguments", refuses_wrong_arguments},
      {"notices_calls_that_do_not_fit", notices_calls_that_do_not_fit},
      {"a_failure_reaches_the_others_wherever_they_are", a_failure_reaches_the_others_wherever_they_are},
      {"all_may_fail_at_once", all_may_fail_at_once},
      {"nested_sections_leave_together", nested_sections_leave_together},
      {"agrees_when_all_went_well", agrees_when_all_went_well},
      {"random_calls", random_calls},
  };
  return checks;
}

void on_threads(int ranks, const std::function<void(Communicator&)>& body) {
  std::vector<std::shared_ptr<Communicator>> group = thread_communicators(ranks);
  std::vector<std::jthread> threads;
  for (std::shared_ptr<Communicator>& rank : group) {
    threads.emplace_back([&body, own = std::move(rank)] {
      try {
        body(*own);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << own->rank() << ": " << error.what();
      }
    });
  }
}

}  // namespace luban::parallel
