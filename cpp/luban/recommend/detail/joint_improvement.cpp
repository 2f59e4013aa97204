#include <luban/recommend/detail/joint_improvement.hpp>

#include <algorithm>
#include <cmath>

#include <luban/recommend/detail/smooth.hpp>

namespace luban::recommend::detail {
namespace {

constexpr double improvement_temperature = 1e-6;
constexpr double maximum_temperature = 1e-2;
constexpr double furthest = -1e140;  ///< in units; below it the fat tail would vanish
const double log_half = std::log(0.5);

}  // namespace

MeanImprovement log_mean_improvement(const Eigen::MatrixXd& utility, const Eigen::MatrixXd& log_feasible,
                                     const Eigen::VectorXd& best, double unit) {
  const Eigen::Index q = utility.rows();
  const Eigen::Index samples = utility.cols();
  MeanImprovement out;
  out.by_utility.resize(q, samples);
  out.by_log_feasible.resize(q, samples);
  // Logarithms are taken of whole arrays at once: they are what this costs.
  Eigen::MatrixXd improvement(q, samples);
  const double per_unit = 1.0 / unit;
  for (Eigen::Index s = 0; s < samples; ++s) {
    for (Eigen::Index i = 0; i < q; ++i) {
      const Smooth one =
          fat_softplus(std::max((utility(i, s) - best(s)) * per_unit, furthest), improvement_temperature);
      improvement(i, s) = one.value;
      out.by_utility(i, s) = one.slope * per_unit;
    }
  }
  out.by_utility.array() /= improvement.array();
  improvement = improvement.array().log();
  if (log_feasible.size() > 0) improvement += log_feasible;
  Eigen::VectorXd most(samples);
  Eigen::VectorXd sum(samples);
  for (Eigen::Index s = 0; s < samples; ++s) {
    const FatMaximum parts = fat_maximum(&improvement(0, s), q, maximum_temperature, &out.by_log_feasible(0, s));
    most(s) = parts.most;
    sum(s) = parts.sum;
  }
  most.array() += maximum_temperature * sum.array().log();
  Eigen::VectorXd share(samples);
  out.value = log_mean_exp(most, share) + std::log(unit);
  out.by_log_feasible.array().rowwise() *= share.transpose().array();
  out.by_utility.array() *= out.by_log_feasible.array();
  return out;
}

Eigen::VectorXd best_fixed(const JointSamples& samples, double floor) {
  Eigen::VectorXd out = Eigen::VectorXd::Constant(samples.samples(), floor);
  const Eigen::MatrixXd& utility = samples.fixed_utility().front();
  for (Eigen::Index s = 0; s < utility.cols(); ++s) {
    for (Eigen::Index i = 0; i < utility.rows(); ++i) {
      if (samples.fixed_log_feasible()(i, s) >= log_half) out(s) = std::max(out(s), utility(i, s));
    }
  }
  return out;
}

JointAcquisitionValue evaluate_improvement(const JointSamples& samples, const Eigen::VectorXd& best,
                                           const surrogate::PosteriorBeside& posterior, bool gradients) {
  const JointSamples::At at = samples.at(posterior);
  if (!at.usable) return never(posterior, gradients);
  JointAcquisitionValue out;
  const MeanImprovement improvement = log_mean_improvement(at.utility.front(), at.log_feasible, best, samples.unit(0));
  out.value = improvement.value;
  if (gradients) {
    out.gradient = samples.pullback(posterior, at, {improvement.by_utility}, improvement.by_log_feasible);
  }
  return out;
}

}  // namespace luban::recommend::detail
