#pragma once

#include <cstdint>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

/// Run indices of one split. No stated group has runs on both sides.
struct Fold {
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> test;
};

/// Groups dealt to `folds` folds, shuffled by `key`, larger groups first so that the folds' run counts stay even.
/// With as many folds as groups it is leave-one-group-out.
/// @throws DataError when there are fewer groups than folds or folds < 2.
[[nodiscard]] LUBAN_FEATURES_EXPORT std::vector<Fold> group_folds(const Dataset& data, int folds, core::RandomKey key);

/// Contiguous blocks in time order (run_time, else order of runs); a stated group that spans a border goes whole to the
/// earlier block, points that a line returns to are met again. @throws DataError as group_folds.
[[nodiscard]] LUBAN_FEATURES_EXPORT std::vector<Fold> time_block_folds(const Dataset& data, int blocks);

}  // namespace luban::features
