#include <luban/recommend/joint_upper_confidence_bound.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include <luban/core/error.hpp>

namespace luban::recommend {
namespace {

double weight_of(double beta) {
  if (beta >= 0.0 && beta <= 100.0) return std::sqrt(0.5 * beta * std::numbers::pi);
  throw core::ConfigurationError({.where = "recommend.joint_upper_confidence_bound",
                                  .expected = "beta between 0 and 100",
                                  .received = std::to_string(beta),
                                  .place = {},
                                  .hint = "0 asks for the best mean, 1 to 10 explore"});
}

/// (k, s) optimistic utilities.
Eigen::MatrixXd optimistic(const Eigen::MatrixXd& utility, double weight) {
  const Eigen::VectorXd mean = utility.rowwise().mean();
  Eigen::MatrixXd out = weight * (utility.colwise() - mean).cwiseAbs();
  out.colwise() += mean;
  return out;
}

}  // namespace

JointUpperConfidenceBound::JointUpperConfidenceBound(const surrogate::SurrogateBeside& beside, Utility utility,
                                                     double beta, const JointSampling& sampling, core::RandomKey key)
    : weight_(weight_of(beta)), samples_(beside, {utility}, {}, sampling, key) {
  if (samples_.b() == 0) {
    pending_ = Eigen::VectorXd::Constant(samples_.samples(), -std::numeric_limits<double>::infinity());
  } else {
    pending_ = optimistic(samples_.fixed_utility().front(), weight_).colwise().maxCoeff().transpose();
  }
}

JointAcquisitionValue JointUpperConfidenceBound::evaluate(const surrogate::PosteriorBeside& posterior,
                                                          bool gradients) const {
  const JointSamples::At at = samples_.at(posterior);
  if (!at.usable) return never(posterior, gradients);
  JointAcquisitionValue out;
  const Eigen::MatrixXd& utility = at.utility.front();
  const Eigen::VectorXd mean = utility.rowwise().mean();
  const Eigen::MatrixXd high = optimistic(utility, weight_);
  const auto count = static_cast<double>(utility.cols());
  Eigen::MatrixXd by_utility = Eigen::MatrixXd::Zero(utility.rows(), utility.cols());
  Eigen::VectorXd by_mean = Eigen::VectorXd::Zero(utility.rows());
  for (Eigen::Index s = 0; s < utility.cols(); ++s) {
    Eigen::Index top = 0;
    const double most = high.col(s).maxCoeff(&top);
    out.value += std::max(most, pending_(s)) / count;
    if (!(most > pending_(s))) continue;
    const double slope = utility(top, s) >= mean(top) ? weight_ : -weight_;
    by_utility(top, s) = slope / count;
    by_mean(top) += (1.0 - slope) / count;
  }
  if (gradients) {
    by_utility.colwise() += by_mean / count;
    out.gradient = samples_.pullback(posterior, at, {by_utility}, {});
  }
  return out;
}

}  // namespace luban::recommend
