#pragma once

#include <Eigen/Core>

namespace luban::surrogate::detail {

// What every posterior refuses in the same words.

/// @throws LifecycleError: `what` needs a posterior asked for with `request`.
[[noreturn]] void not_asked_for(const char* what, const char* request);
/// @throws ConfigurationError unless 0 < probability < 1.
void require_probability(double probability);
/// @throws DataError unless Y is (q, m).
void require_responses(const Eigen::MatrixXd& Y, Eigen::Index q, Eigen::Index m);
/// @throws DataError unless the weights are (q, q).
void require_weights(const Eigen::MatrixXd& weights, Eigen::Index q);
/// @throws ConfigurationError on a negative number of samples.
void require_count(Eigen::Index samples);
/// @throws DataError unless `right`: `what` is needed for each of q points.
void require_each(bool right, const char* where, const char* what, Eigen::Index q);

}  // namespace luban::surrogate::detail
