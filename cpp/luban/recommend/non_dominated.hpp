#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Rank of each row of utilities (n, m), larger is better: 0 where no row dominates it (as good in every objective,
/// better in one), k where rows of rank k − 1 do and none of rank k. Equal rows share a rank.
/// O(n log n) for m ≤ 2 (Jensen 2003), O(m n²) above. @throws DataError when a value is not finite.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<int> non_dominated_ranks(const Eigen::MatrixXd& utilities);

/// Rows of rank 0, ascending. @throws DataError when a value is not finite.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<Eigen::Index> non_dominated(const Eigen::MatrixXd& utilities);

}  // namespace luban::recommend
