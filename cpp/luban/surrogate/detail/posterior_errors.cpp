#include <luban/surrogate/detail/posterior_errors.hpp>

#include <string>

#include <luban/core/error.hpp>

namespace luban::surrogate::detail {

void not_asked_for(const char* what, const char* request) {
  throw core::LifecycleError({.where = "surrogate.posterior",
                              .expected = std::string("a posterior asked for with `") + request + "`",
                              .received = std::string("one without, which holds no ") + what,
                              .place = {},
                              .hint = std::string("set `") + request + "` when asking for the posterior"});
}

void require_probability(double probability) {
  if (probability > 0.0 && probability < 1.0) return;
  throw core::ConfigurationError({.where = "surrogate.quantile",
                                  .expected = "a probability between 0 and 1, both excluded",
                                  .received = std::to_string(probability),
                                  .place = {},
                                  .hint = {}});
}

void require_responses(const Eigen::MatrixXd& Y, Eigen::Index q, Eigen::Index m) {
  if (Y.rows() == q && Y.cols() == m) return;
  throw core::DataError({.where = "surrogate.log_density",
                         .expected = std::to_string(q) + " × " + std::to_string(m) + " values",
                         .received = std::to_string(Y.rows()) + " × " + std::to_string(Y.cols()),
                         .place = {},
                         .hint = {}});
}

void require_weights(const Eigen::MatrixXd& weights, Eigen::Index q) {
  if (weights.rows() == q && weights.cols() == q) return;
  throw core::DataError({.where = "surrogate.covariance_gradient",
                         .expected = std::to_string(q) + " × " + std::to_string(q) + " weights",
                         .received = std::to_string(weights.rows()) + " × " + std::to_string(weights.cols()),
                         .place = {},
                         .hint = {}});
}

void require_count(Eigen::Index samples) {
  if (samples >= 0) return;
  throw core::ConfigurationError({.where = "surrogate.sample",
                                  .expected = "a number of samples",
                                  .received = std::to_string(samples),
                                  .place = {},
                                  .hint = {}});
}

void require_each(bool right, const char* where, const char* what, Eigen::Index q) {
  if (right) return;
  throw core::DataError({.where = where,
                         .expected = std::string(what) + " for each of " + std::to_string(q) + " points",
                         .received = "another length",
                         .place = {},
                         .hint = {}});
}

}  // namespace luban::surrogate::detail
