#include <luban/recommend/joint_log_expected_improvement.hpp>

#include <cmath>
#include <utility>

#include <luban/recommend/detail/joint_improvement.hpp>

namespace luban::recommend {
namespace {

bool separable(const surrogate::SurrogateBeside& beside, Utility utility, const std::vector<OutcomeBound>& bounds,
               const JointSampling& sampling) {
  bool other = true;
  for (const OutcomeBound& bound : bounds) other = other && bound.response != utility.response;
  return sampling.q == 1 && beside.fixed_points().rows() == 0 && other;
}

void add_log_probability(const surrogate::PosteriorBeside& posterior, const std::vector<OutcomeBound>& bounds,
                         bool gradients, JointAcquisitionValue& into) {
  const Eigen::MatrixXd mean = posterior.mean();
  const Eigen::MatrixXd variance = posterior.variance(surrogate::VarianceOf::run_mean);
  for (const OutcomeBound& bound : bounds) {
    const double sd = std::sqrt(variance(0, bound.response));
    const OutcomeBound::LogProbability p = bound.log_probability(mean(0, bound.response), sd);
    into.value += p.value;
    if (!gradients || !(sd > 0.0)) continue;
    const double by_variance = p.by_sd / (2.0 * sd);
    surrogate::PullbackWeights weights;
    weights.mean = Eigen::VectorXd::Constant(1, p.by_mean);
    weights.variance = Eigen::VectorXd::Constant(1, by_variance);
    into.gradient += posterior.pullback(bound.response, weights);
    const Eigen::MatrixXd between = posterior.between_gradient(bound.response);
    if (between.size() > 0) into.gradient += by_variance * between;
  }
}

}  // namespace

JointLogExpectedImprovement::JointLogExpectedImprovement(const surrogate::SurrogateBeside& beside, Utility utility,
                                                         double best, std::vector<OutcomeBound> bounds,
                                                         const JointSampling& sampling, core::RandomKey key)
    : exact_(separable(beside, utility, bounds, sampling) ? bounds : std::vector<OutcomeBound>{}),
      samples_(beside, {utility}, exact_.empty() ? bounds : std::vector<OutcomeBound>{}, sampling, key),
      best_(detail::best_fixed(samples_, best)) {
  std::erase_if(exact_, [](const OutcomeBound& bound) { return bound.exact; });  // the search keeps these
}

JointAcquisitionValue JointLogExpectedImprovement::evaluate(const surrogate::PosteriorBeside& posterior,
                                                            bool gradients) const {
  JointAcquisitionValue out = detail::evaluate_improvement(samples_, best_, posterior, gradients);
  add_log_probability(posterior, exact_, gradients, out);
  return out;
}

}  // namespace luban::recommend
