#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/recommend/detail/sequential_quadratic.hpp>
#include <luban/recommend/detail/signomial.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// Brings a coded row x (p) onto nonlinear relations by shortest steps that keep their linearisation with bounds and
/// rows (Newton's method; quadratic convergence), moving the given columns alone: near the nearest point that keeps
/// them. False when it found none; x is then where the least was broken.
/// @param set bounds and rows of these columns, which x keeps.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT bool restore(const SignomialSet& relations, const FeasibleSet& set,
                                                  const std::vector<Eigen::Index>& columns, Eigen::VectorXd& x);

}  // namespace luban::recommend::detail
