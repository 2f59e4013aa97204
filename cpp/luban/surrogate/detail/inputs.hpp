#pragma once

#include <Eigen/Core>

#include <luban/features/encoder.hpp>

namespace luban::surrogate::detail {

/// @throws DataError when X is not (q, p), holds a non-finite number or a code that is no category, naming the row.
void require_coded(const Eigen::MatrixXd& X, const features::Encoder& encoder, const char* where);

/// @throws DataError when there is no level, a weight is not finite, or X does not divide into levels.
void require_levels(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights, const char* where);

}  // namespace luban::surrogate::detail
