#include <luban/recommend/joint_log_noisy_expected_improvement.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/joint_improvement.hpp>

namespace luban::recommend {
namespace {

using surrogate::VarianceOf;

constexpr double hopeless_sds = 6.0;  ///< points further below the best than this many sds never win a sample

Eigen::VectorXd best_of(const JointSamples& samples) {
  if (samples.b() == 0) {
    throw core::ConfigurationError({.where = "recommend.joint_log_noisy_expected_improvement",
                                    .expected = "at least one measured or pending point",
                                    .received = "none",
                                    .place = {},
                                    .hint = "use the improvement over a stated best before anything is measured"});
  }
  return detail::best_fixed(samples, samples.fixed_utility().front().minCoeff());
}

/// Rows that could win a sample: without bounds, those whose upper limit reaches the best lower limit.
std::vector<Eigen::Index> hopeful(const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X, Utility utility,
                                  bool bounded) {
  std::vector<Eigen::Index> all(static_cast<std::size_t>(X.rows()));
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  if (bounded || utility.goal == process::Goal::target) return all;
  const auto posterior = surrogate.posterior(X, {.gradients = false, .joint = false, .reading = false});
  const Eigen::VectorXd mean = utility.slope(0.0) * posterior->mean().col(utility.response);
  const Eigen::VectorXd sd = posterior->variance(VarianceOf::latent).col(utility.response).cwiseSqrt();
  const double needed = (mean - hopeless_sds * sd).maxCoeff();
  std::erase_if(all, [&](Eigen::Index i) { return mean(i) + hopeless_sds * sd(i) < needed; });
  return all;
}

bool holds(const std::vector<OutcomeBound>& bounds, const Eigen::MatrixXd& sample, Eigen::Index row) {
  return std::all_of(bounds.begin(), bounds.end(), [&](const OutcomeBound& bound) {
    const double y = sample(row, bound.response);
    return y >= bound.lower && y <= bound.upper;
  });
}

}  // namespace

JointLogNoisyExpectedImprovement::JointLogNoisyExpectedImprovement(const surrogate::SurrogateBeside& beside,
                                                                   Utility utility,
                                                                   const std::vector<OutcomeBound>& bounds,
                                                                   const JointSampling& sampling, core::RandomKey key)
    : samples_(beside, {utility}, bounds, sampling, key), best_(best_of(samples_)) {}

JointAcquisitionValue JointLogNoisyExpectedImprovement::evaluate(const surrogate::PosteriorBeside& posterior,
                                                                 bool gradients) const {
  return detail::evaluate_improvement(samples_, best_, posterior, gradients);
}

std::vector<Eigen::Index> prune_baseline(const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X,
                                         Utility utility, const std::vector<OutcomeBound>& bounds, core::RandomKey key,
                                         Eigen::Index samples) {
  if (X.rows() == 0) {
    throw core::DataError({.where = "recommend.prune_baseline",
                           .expected = "at least one measured point",
                           .received = "none",
                           .place = {},
                           .hint = {}});
  }
  const std::vector<Eigen::Index> rows = hopeful(surrogate, X, utility, !bounds.empty());
  if (rows.size() == 1) return rows;
  const Eigen::MatrixXd kept = X(rows, Eigen::all);
  const auto posterior = surrogate.posterior(kept, {.gradients = false, .joint = true, .reading = false});
  std::vector<bool> wins(rows.size(), false);
  for (const Eigen::MatrixXd& sample : posterior->sample(samples, key, VarianceOf::latent)) {
    std::ptrdiff_t best = -1;
    double most = 0.0;
    for (std::ptrdiff_t i = 0; i < std::ssize(rows); ++i) {
      const double value = utility.of(sample(i, utility.response));
      if ((best >= 0 && !(value > most)) || !holds(bounds, sample, i)) continue;
      best = i;
      most = value;
    }
    if (best >= 0) wins[static_cast<std::size_t>(best)] = true;
  }
  std::vector<Eigen::Index> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (wins[i]) out.push_back(rows[i]);
  }
  if (!out.empty()) return out;
  // No point keeps the bounds in any sample: the best of means stands for them all.
  const Eigen::VectorXd mean = posterior->mean().col(utility.response);
  std::size_t best = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (utility.of(mean(static_cast<Eigen::Index>(i))) > utility.of(mean(static_cast<Eigen::Index>(best)))) best = i;
  }
  return {rows[best]};
}

}  // namespace luban::recommend
