#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/features/splits.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

/// A dataset that is nothing but runs in groups of the given sizes, interleaved.
Dataset runs_in_groups(const std::vector<int>& sizes) {
  Dataset data;
  std::vector<int> left = sizes;
  for (std::size_t g = 0; g < sizes.size(); ++g) data.group_labels.push_back("g" + std::to_string(g));
  for (bool any = true; any;) {
    any = false;
    for (std::size_t g = 0; g < left.size(); ++g) {
      if (left[g]-- <= 0) continue;
      any = true;
      data.run_ids.push_back(std::to_string(data.run_ids.size()));
      data.group.push_back(static_cast<std::int32_t>(g));
      data.run_time.push_back(static_cast<std::int64_t>(data.run_ids.size()));
    }
  }
  return data;
}

void expect_partition(const Dataset& data, const std::vector<Fold>& folds) {
  std::vector<int> tested(data.run_count(), 0);
  for (const Fold& fold : folds) {
    EXPECT_EQ(fold.train.size() + fold.test.size(), data.run_count());
    EXPECT_FALSE(fold.test.empty());
    std::set<std::int32_t> train_groups;
    for (const std::int32_t run : fold.train) train_groups.insert(data.group[static_cast<std::size_t>(run)]);
    for (const std::int32_t run : fold.test) {
      ++tested[static_cast<std::size_t>(run)];
      EXPECT_EQ(train_groups.count(data.group[static_cast<std::size_t>(run)]), 0U) << "a group was split";
    }
  }
  for (const int times : tested) EXPECT_EQ(times, 1);
}

TEST(GroupFolds, NeverSplitAGroup) {
  core::Generator random = core::RandomKey(11).generator();
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    std::vector<int> sizes(2 + random.below(30));
    for (int& size : sizes) size = 1 + static_cast<int>(random.below(9));
    const Dataset data = runs_in_groups(sizes);
    const int folds = 2 + static_cast<int>(random.below(sizes.size() - 1));
    expect_partition(data, group_folds(data, folds, core::RandomKey(trial)));
  }
}

TEST(GroupFolds, AreEven) {
  const Dataset data = runs_in_groups(std::vector<int>(15, 4));
  for (const Fold& fold : group_folds(data, 5, core::RandomKey(1))) EXPECT_EQ(fold.test.size(), 12U);
}

TEST(GroupFolds, FollowTheKeyAndNothingElse) {
  const Dataset data = runs_in_groups(std::vector<int>(20, 3));
  const auto tests = [&](std::uint64_t seed) {
    std::vector<std::vector<std::int32_t>> out;
    for (const Fold& fold : group_folds(data, 5, core::RandomKey(seed))) out.push_back(fold.test);
    return out;
  };
  EXPECT_EQ(tests(1), tests(1));
  EXPECT_NE(tests(1), tests(2));
}

TEST(GroupFolds, AsManyAsGroupsLeaveOneOut) {
  const Dataset data = runs_in_groups({3, 1, 2, 5});
  const auto folds = group_folds(data, 4, core::RandomKey(0));
  expect_partition(data, folds);
  for (const Fold& fold : folds) {
    std::set<std::int32_t> groups;
    for (const std::int32_t run : fold.test) groups.insert(data.group[static_cast<std::size_t>(run)]);
    EXPECT_EQ(groups.size(), 1U);
  }
}

TEST(GroupFolds, RefuseTooFewGroups) {
  EXPECT_THROW((void)group_folds(runs_in_groups({4, 4}), 3, core::RandomKey(0)), core::DataError);
  EXPECT_THROW((void)group_folds(runs_in_groups({4, 4}), 1, core::RandomKey(0)), core::DataError);
}

TEST(GroupFolds, IgnoreGroupsWithoutRuns) {
  Dataset data = runs_in_groups({2, 2});
  data.group_labels.push_back("left without runs");
  EXPECT_THROW((void)group_folds(data, 3, core::RandomKey(0)), core::DataError);
  expect_partition(data, group_folds(data, 2, core::RandomKey(0)));
}

TEST(TimeBlockFolds, FollowTime) {
  Dataset data = runs_in_groups(std::vector<int>(10, 1));
  std::reverse(data.run_time.begin(), data.run_time.end());
  const auto folds = time_block_folds(data, 5);
  expect_partition(data, folds);
  EXPECT_EQ(folds[0].test, (std::vector<std::int32_t>{8, 9}));
  data.run_time[4] = core::UtcTime::missing_count;  // order of runs stands in
  EXPECT_EQ(time_block_folds(data, 5)[0].test, (std::vector<std::int32_t>{0, 1}));
}

TEST(TimeBlockFolds, AGroupGoesWholeToTheEarlierBlock) {
  Dataset data = runs_in_groups({1, 1, 1, 1, 1, 1});
  data.group = {0, 1, 2, 2, 3, 4};  // the third group spans the border of two blocks
  data.group_labels.resize(5);
  const auto folds = time_block_folds(data, 2);
  expect_partition(data, folds);
  EXPECT_EQ(folds[0].test, (std::vector<std::int32_t>{0, 1, 2, 3}));
}

TEST(TimeBlockFolds, MeetPointsAgainThatALineReturnsTo) {
  Dataset data = runs_in_groups({3, 3});
  data.grouping = Grouping::points;
  const auto folds = time_block_folds(data, 2);
  EXPECT_EQ(folds[0].test, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(folds[1].test, (std::vector<std::int32_t>{3, 4, 5}));
}

TEST(TimeBlockFolds, RefuseBlocksThatStayEmpty) {
  Dataset data = runs_in_groups({3, 3});  // both groups are there from the start
  EXPECT_THROW((void)time_block_folds(data, 2), core::DataError);
}

}  // namespace
}  // namespace luban::features
