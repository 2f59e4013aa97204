#include <luban/recommend/upper_confidence_bound_pure_exploration.hpp>

#include <cmath>
#include <limits>
#include <string>

#include <Eigen/Cholesky>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/cholesky.hpp>

namespace luban::recommend {

using surrogate::PosteriorBeside;
using surrogate::PullbackWeights;
using surrogate::VarianceOf;

/// What is known at the points before and after the pending runs.
struct UpperConfidenceBoundPureExploration::Spread {
  Eigen::VectorXd mean;         ///< of the response
  Eigen::VectorXd before;       ///< σ_D²
  Eigen::MatrixXd after;        ///< Σ_A (q, q)
  Eigen::MatrixXd cross_times;  ///< C (S + N)⁻¹ (q, b)
};

UpperConfidenceBoundPureExploration::UpperConfidenceBoundPureExploration(const surrogate::SurrogateBeside& beside,
                                                                         Utility utility, double threshold,
                                                                         ExplorationMode mode, Eigen::Index q,
                                                                         double unit, PureExplorationOptions options)
    : utility_(utility), threshold_(threshold), mode_(mode), q_(q), unit_(unit), options_(options) {
  if (q < 1 || (q > 1 && mode == ExplorationMode::upper_confidence_bound) || !(unit > 0.0)) {
    throw core::ConfigurationError({.where = "recommend.upper_confidence_bound_pure_exploration",
                                    .expected = "one point, or several to explore, and a unit above 0",
                                    .received = std::to_string(q) + " points, unit " + std::to_string(unit),
                                    .place = {},
                                    .hint = "choose several points one after the other, each pending for the next"});
  }
  const Eigen::Index b = beside.fixed_points().rows();
  if (b == 0) return;
  const Eigen::MatrixXd S = beside.fixed().covariance(utility.response, VarianceOf::run_mean);
  const detail::SmallCholesky factor = detail::small_cholesky(S, S.diagonal().cwiseAbs().mean());
  if (!factor.usable) {
    throw core::NumericalError({.where = "recommend.upper_confidence_bound_pure_exploration",
                                .expected = "a positive definite covariance of the pending points",
                                .received = "one that is not",
                                .place = {},
                                .hint = "report the model: its joint covariance is wrong"});
  }
  precision_ = factor.lower.triangularView<Eigen::Lower>().solve(Eigen::MatrixXd::Identity(b, b));
  precision_ = (precision_.transpose() * precision_).eval();
}

UpperConfidenceBoundPureExploration::Spread UpperConfidenceBoundPureExploration::spread(
    const PosteriorBeside& posterior) const {
  if (posterior.q() != q_ || posterior.b() != precision_.rows()) {
    throw core::DataError({.where = "recommend.upper_confidence_bound_pure_exploration",
                           .expected = std::to_string(q_) + " points beside " + std::to_string(precision_.rows()),
                           .received = std::to_string(posterior.q()) + " beside " + std::to_string(posterior.b()),
                           .place = {},
                           .hint = {}});
  }
  Spread out;
  out.mean = posterior.mean().col(utility_.response);
  out.after = posterior.covariance(utility_.response, VarianceOf::latent);
  out.before = out.after.diagonal();
  if (precision_.rows() > 0) {
    const Eigen::MatrixXd cross = posterior.cross_covariance(utility_.response);
    out.cross_times = cross * precision_;
    out.after.noalias() -= out.cross_times * cross.transpose();
  }
  return out;
}

JointAcquisitionValue UpperConfidenceBoundPureExploration::evaluate(const PosteriorBeside& posterior,
                                                                    bool gradients) const {
  const Spread at = spread(posterior);
  return q_ == 1 ? of_one(posterior, at, gradients) : of_many(posterior, at, gradients);
}

JointAcquisitionValue UpperConfidenceBoundPureExploration::of_one(const PosteriorBeside& posterior, const Spread& at,
                                                                  bool gradients) const {
  const double smallest = 1e-14 * at.before(0) + 1e-300;
  const double before = std::sqrt(std::max(at.before(0), smallest));
  const double after = std::sqrt(std::max(at.after(0, 0), smallest));
  const double mean = utility_.of(at.mean(0));
  const bool explore = mode_ == ExplorationMode::pure_exploration;
  const double miss = mean + options_.region_weight * before - threshold_;
  const double pressed = explore && miss < 0.0 ? options_.penalty : 0.0;
  JointAcquisitionValue out;
  out.value = explore ? after + pressed * miss : mean + options_.spread_weight * after;
  if (!gradients) return out;
  const double by_after = (explore ? 1.0 : options_.spread_weight) * 0.5 / after;  // by σ_A²
  PullbackWeights weights;
  weights.mean = Eigen::VectorXd::Constant(1, (explore ? pressed : 1.0) * utility_.slope(at.mean(0)));
  weights.variance = Eigen::VectorXd::Constant(1, by_after + pressed * options_.region_weight * 0.5 / before);
  if (precision_.rows() > 0) weights.cross = -2.0 * by_after * at.cross_times;
  out.gradient = posterior.pullback(utility_.response, weights);
  return out;
}

JointAcquisitionValue UpperConfidenceBoundPureExploration::of_many(const PosteriorBeside& posterior, const Spread& at,
                                                                   bool gradients) const {
  const double scale = std::max(at.before.mean(), 1e-300);
  const detail::SmallCholesky factor = detail::small_cholesky(at.after, scale);
  JointAcquisitionValue out;
  if (!factor.usable) {
    out.value = -std::numeric_limits<double>::infinity();
    if (gradients) out.gradient = posterior.pullback(utility_.response, {});
    return out;
  }
  PullbackWeights weights;
  weights.mean = Eigen::VectorXd::Zero(q_);
  weights.variance = Eigen::VectorXd::Zero(q_);
  out.value = 2.0 * (factor.lower.diagonal().array() / unit_).log().sum();
  for (Eigen::Index i = 0; i < q_; ++i) {
    const double before = std::sqrt(std::max(at.before(i), 1e-300));
    const double miss = (utility_.of(at.mean(i)) + options_.region_weight * before - threshold_) / unit_;
    if (!(miss < 0.0)) continue;
    out.value += options_.penalty * miss;
    weights.mean(i) = options_.penalty / unit_ * utility_.slope(at.mean(i));
    weights.variance(i) = options_.penalty / unit_ * options_.region_weight * 0.5 / before;
  }
  if (!gradients) return out;
  Eigen::MatrixXd inverse = factor.lower.triangularView<Eigen::Lower>().solve(Eigen::MatrixXd::Identity(q_, q_));
  inverse = (inverse.transpose() * inverse).eval();  // ∂ log det Σ_A
  weights.covariance = inverse;
  weights.variance.array() += factor.nugget * inverse.trace() / static_cast<double>(q_);
  if (precision_.rows() > 0) weights.cross = -2.0 * inverse * at.cross_times;
  out.gradient = posterior.pullback(utility_.response, weights);
  return out;
}

double exploration_threshold(const surrogate::Posterior& points, Utility utility,
                             const PureExplorationOptions& options) {
  if (points.q() == 0) {
    throw core::DataError({.where = "recommend.exploration_threshold",
                           .expected = "at least one observed or pending point",
                           .received = "none",
                           .place = {},
                           .hint = {}});
  }
  const Eigen::VectorXd mean = points.mean().col(utility.response);
  const Eigen::VectorXd sd = points.variance(VarianceOf::latent).col(utility.response).cwiseSqrt();
  Eigen::Index best = 0;
  const auto bound = [&](Eigen::Index i) { return utility.of(mean(i)) + options.spread_weight * sd(i); };
  for (Eigen::Index i = 1; i < mean.size(); ++i) {
    if (bound(i) > bound(best)) best = i;
  }
  return utility.of(mean(best));
}

ExplorationMode choose_exploration(bool news, double signal_to_noise, core::RandomKey key,
                                   const PureExplorationOptions& options) {
  const double noisy = signal_to_noise < options.noisy_below ? options.explore_noisy : options.explore_after_new;
  const double explore = news ? noisy : 1.0 - options.exploit_while_pending;
  return key.generator().uniform() < explore ? ExplorationMode::pure_exploration
                                             : ExplorationMode::upper_confidence_bound;
}

}  // namespace luban::recommend
