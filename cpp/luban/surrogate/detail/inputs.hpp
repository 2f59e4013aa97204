#pragma once

#include <Eigen/Core>

#include <luban/features/encoder.hpp>

namespace luban::surrogate::detail {

/// @throws DataError when X is not (q, p), holds a non-finite number or a code that is no category, naming the row.
void require_coded(const Eigen::MatrixXd& X, const features::Encoder& encoder, const char* where);

/// @throws DataError when the weights are not frequencies (not negative, sum 1) or X does not divide into levels.
void require_levels(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights, const char* where);

/// @throws DataError unless sd is (p), finite and nowhere negative.
void require_deviations(const Eigen::VectorXd& sd, Eigen::Index p, const char* where);

/// What one reading, taken at one of the levels, varies by beyond the average over them (law of total variance):
/// Σ_l w_l (μ_l − μ̄)² + Σ_l w_l Σ_ll − w'Σw, for each of q points; mean and variance of the levels (q·L), of their
/// averages (q).
[[nodiscard]] Eigen::VectorXd level_spread(const Eigen::VectorXd& level_mean, const Eigen::VectorXd& level_variance,
                                           const Eigen::VectorXd& weights, const Eigen::VectorXd& mean,
                                           const Eigen::VectorXd& variance);

}  // namespace luban::surrogate::detail
