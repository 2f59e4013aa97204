#pragma once

#include <string>
#include <vector>

#include <luban/recommend/detail/quadratic_program.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// One thing that a person stated, as the linear rows it means.
struct Demand {
  std::string text;                   ///< e.g. "search range of feed [0.07, 0.13] mm/rev"
  std::vector<Eigen::RowVectorXd> a;  ///< rows a'x ≥ b
  std::vector<double> b;
};

/// Whether some x keeps every demand.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT bool compatible(const std::vector<Demand>& demands);

/// Indices of a smallest set of demands that contradict each other: leaving out any one of them resolves it (deletion
/// filter, Chinneck 2008). Empty when all are compatible.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<std::size_t> smallest_conflict(const std::vector<Demand>& demands);

}  // namespace luban::recommend::detail
