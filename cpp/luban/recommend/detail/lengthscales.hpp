#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// (p) lengthscales of a response by coded column, where the surrogate is a Gaussian process that tells them; 1
/// elsewhere.
[[nodiscard]] Eigen::VectorXd lengthscales(const surrogate::Surrogate& fitted, Eigen::Index response);

/// Those of some columns; nothing of nothing.
[[nodiscard]] inline Eigen::VectorXd lengths_of(const Eigen::VectorXd& lengths,
                                                const std::vector<Eigen::Index>& columns) {
  return lengths.size() == 0 ? Eigen::VectorXd() : Eigen::VectorXd(lengths(columns));
}

}  // namespace luban::recommend::detail
