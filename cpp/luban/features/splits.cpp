#include <luban/features/splits.hpp>

#include <algorithm>
#include <numeric>

#include <luban/core/error.hpp>
#include <luban/core/time.hpp>

namespace luban::features {

namespace {

/// Runs of each group that has any, in order of the group's index.
std::vector<std::vector<std::int32_t>> runs_by_group(const Dataset& data) {
  std::vector<std::vector<std::int32_t>> runs(data.group_count());
  for (std::size_t run = 0; run < data.run_count(); ++run) {
    runs[static_cast<std::size_t>(data.group[run])].push_back(static_cast<std::int32_t>(run));
  }
  std::erase_if(runs, [](const auto& members) { return members.empty(); });
  return runs;
}

void require_enough(const char* where, std::size_t groups, int folds) {
  if (folds < 2) {
    throw core::DataError(
        {.where = where, .expected = "at least 2 folds", .received = std::to_string(folds), .place = {}, .hint = {}});
  }
  if (groups < static_cast<std::size_t>(folds)) {
    throw core::DataError({.where = where,
                           .expected = "at least as many groups as folds (" + std::to_string(folds) + ")",
                           .received = std::to_string(groups) + " groups",
                           .place = {},
                           .hint = "ask for fewer folds, or group by something finer"});
  }
}

/// @param fold_of (runs) the fold in which a run is tested.
std::vector<Fold> folds_from(const std::vector<int>& fold_of, int folds) {
  std::vector<Fold> out(static_cast<std::size_t>(folds));
  for (std::size_t run = 0; run < fold_of.size(); ++run) {
    for (int f = 0; f < folds; ++f) {
      Fold& fold = out[static_cast<std::size_t>(f)];
      (fold_of[run] == f ? fold.test : fold.train).push_back(static_cast<std::int32_t>(run));
    }
  }
  return out;
}

}  // namespace

std::vector<Fold> group_folds(const Dataset& data, int folds, core::RandomKey key) {
  std::vector<std::vector<std::int32_t>> groups = runs_by_group(data);
  require_enough("features.group_folds", groups.size(), folds);
  core::Generator random = key.generator();
  for (std::size_t i = groups.size(); i > 1; --i) {  // Fisher and Yates
    std::swap(groups[i - 1], groups[random.below(i)]);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });

  std::vector<std::size_t> runs_in(static_cast<std::size_t>(folds), 0);
  std::vector<std::size_t> groups_in(static_cast<std::size_t>(folds), 0);
  std::vector<int> fold_of(data.run_count(), 0);
  for (const auto& members : groups) {
    std::size_t smallest = 0;
    for (std::size_t f = 1; f < runs_in.size(); ++f) {
      if (std::pair(runs_in[f], groups_in[f]) < std::pair(runs_in[smallest], groups_in[smallest])) smallest = f;
    }
    runs_in[smallest] += members.size();
    ++groups_in[smallest];
    for (const std::int32_t run : members) fold_of[static_cast<std::size_t>(run)] = static_cast<int>(smallest);
  }
  return folds_from(fold_of, folds);
}

std::vector<Fold> time_block_folds(const Dataset& data, int blocks) {
  const bool whole_groups = data.grouping == Grouping::stated;
  require_enough("features.time_block_folds", whole_groups ? runs_by_group(data).size() : data.run_count(), blocks);
  std::vector<std::size_t> order(data.run_count());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const bool timed = std::none_of(data.run_time.begin(), data.run_time.end(),
                                  [](std::int64_t time) { return time == core::UtcTime::missing_count; });
  if (timed) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return data.run_time[a] < data.run_time[b]; });
  }
  std::vector<int> block_of_group(data.group_count(), -1);
  std::vector<int> fold_of(data.run_count(), 0);
  std::vector<bool> used(static_cast<std::size_t>(blocks), false);
  for (std::size_t position = 0; position < order.size(); ++position) {
    const auto here = static_cast<int>(position * static_cast<std::size_t>(blocks) / order.size());
    int& first = block_of_group[static_cast<std::size_t>(data.group[order[position]])];
    if (first < 0) first = here;
    const int block = whole_groups ? first : here;
    fold_of[order[position]] = block;
    used[static_cast<std::size_t>(block)] = true;
  }
  const auto empty = std::find(used.begin(), used.end(), false);
  if (empty != used.end()) {
    throw core::DataError(
        {.where = "features.time_block_folds",
         .expected = "groups short enough that each of " + std::to_string(blocks) + " time blocks keeps one",
         .received = "block " + std::to_string(empty - used.begin() + 1) + " left without a run",
         .place = {},
         .hint = "ask for fewer blocks, or use folds by group"});
  }
  return folds_from(fold_of, blocks);
}

}  // namespace luban::features
