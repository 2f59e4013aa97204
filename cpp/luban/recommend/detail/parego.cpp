#include <luban/recommend/detail/parego.hpp>

#include <cmath>
#include <string>
#include <utility>

#include <luban/core/error.hpp>

namespace luban::recommend {
namespace {

[[noreturn]] void refuse_data(const std::string& expected, const std::string& received) {
  throw core::DataError(
      {.where = "recommend.parego", .expected = expected, .received = received, .place = {}, .hint = {}});
}

[[noreturn]] void refuse_option(const std::string& expected, const std::string& received) {
  throw core::ConfigurationError(
      {.where = "recommend.parego", .expected = expected, .received = received, .place = {}, .hint = {}});
}

}  // namespace

Eigen::VectorXd simplex_weights(Eigen::Index m, core::RandomKey key) {
  if (m < 1) refuse_option("at least one objective", std::to_string(m));
  // Exponential draws divided by their sum are uniform on the simplex.
  core::Generator generator = key.child("weights").generator();
  Eigen::VectorXd weights(m);
  for (double& weight : weights) weight = -std::log1p(-generator.uniform());
  const double sum = weights.sum();
  return sum > 0.0 ? Eigen::VectorXd(weights / sum) : Eigen::VectorXd::Constant(m, 1.0 / static_cast<double>(m));
}

AugmentedChebyshev::AugmentedChebyshev(Eigen::VectorXd weights, const Eigen::MatrixXd& observed, double sum_share)
    : slopes_(std::move(weights)), sum_share_(sum_share) {
  if (slopes_.size() == 0 || observed.rows() == 0 || observed.cols() != slopes_.size()) {
    refuse_data("as many weights as columns of observed utilities, neither 0",
                std::to_string(slopes_.size()) + " weights, utilities (" + std::to_string(observed.rows()) + ", " +
                    std::to_string(observed.cols()) + ")");
  }
  if (!slopes_.allFinite() || !observed.allFinite()) refuse_data("finite numbers", "NaN or infinity");
  if (slopes_.minCoeff() < 0.0) refuse_option("weights that are not negative", std::to_string(slopes_.minCoeff()));
  if (!(sum_share >= 0.0) || !std::isfinite(sum_share)) {
    refuse_option("a finite sum_share that is not negative", std::to_string(sum_share));
  }
  high_ = observed.colwise().maxCoeff().transpose();
  const Eigen::VectorXd low = observed.colwise().minCoeff().transpose();
  for (Eigen::Index j = 0; j < high_.size(); ++j) {
    const double range = high_(j) - low(j);
    if (range > 0.0) slopes_(j) /= range;
  }
}

ScalarisedValue AugmentedChebyshev::evaluate(const Eigen::MatrixXd& utilities, bool gradients) const {
  if (utilities.cols() != high_.size()) {
    refuse_data("utilities of " + std::to_string(high_.size()) + " objectives", std::to_string(utilities.cols()));
  }
  ScalarisedValue result;
  result.value.resize(utilities.rows());
  if (gradients) result.gradient.resize(utilities.rows(), utilities.cols());
  for (Eigen::Index i = 0; i < utilities.rows(); ++i) {
    const Eigen::VectorXd costs = slopes_.cwiseProduct(high_ - utilities.row(i).transpose());
    Eigen::Index worst = 0;
    const double greatest = costs.maxCoeff(&worst);
    result.value(i) = -greatest - sum_share_ * costs.sum();
    if (!gradients) continue;
    result.gradient.row(i) = sum_share_ * slopes_.transpose();
    result.gradient(i, worst) += slopes_(worst);
  }
  return result;
}

}  // namespace luban::recommend
