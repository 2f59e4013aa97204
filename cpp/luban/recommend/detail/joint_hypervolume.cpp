#include <luban/recommend/detail/joint_hypervolume.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/recommend/non_dominated.hpp>

namespace luban::recommend::detail {
namespace {

const double log_half = std::log(0.5);

void require_width(const Improvement& wanted) {
  const auto k = std::ssize(wanted.utilities);
  const bool known = wanted.known.rows() == 0 || wanted.known.cols() == k;
  if (wanted.reference.size() == k && known) return;
  throw core::DataError(
      {.where = "recommend.joint_hypervolume",
       .expected = "a reference and known utilities of " + std::to_string(k) + " objectives",
       .received = std::to_string(wanted.reference.size()) + " and " + std::to_string(wanted.known.cols()),
       .place = {},
       .hint = {}});
}

Eigen::VectorXd units_of(const JointSamples& samples, std::size_t count) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(count));
  for (std::size_t j = 0; j < count; ++j) out(static_cast<Eigen::Index>(j)) = samples.unit(j);
  return out;
}

/// What is dominated before: one set for all samples, or one per sample.
std::vector<BoxDecomposition> dominated(const JointSamples& samples, const Improvement& wanted,
                                        const Eigen::VectorXd& units) {
  require_width(wanted);
  BoxDecomposition before(wanted.reference.cwiseQuotient(units));
  if (wanted.known.rows() > 0) before.add(wanted.known * units.cwiseInverse().asDiagonal());
  if (samples.b() == 0) return {before};
  std::vector<BoxDecomposition> out;
  for (Eigen::Index s = 0; s < samples.samples(); ++s) {
    Eigen::MatrixXd points(samples.b(), units.size());
    Eigen::Index kept = 0;
    for (Eigen::Index i = 0; i < samples.b(); ++i) {
      if (samples.fixed_log_feasible()(i, s) < log_half) continue;
      for (Eigen::Index j = 0; j < units.size(); ++j) {
        points(kept, j) = samples.fixed_utility()[static_cast<std::size_t>(j)](i, s) / units(j);
      }
      ++kept;
    }
    out.push_back(before);
    if (kept > 0) out.back().add(points.topRows(kept));
  }
  return out;
}

bool keeps(const std::vector<OutcomeBound>& bounds, const Eigen::MatrixXd& sample, Eigen::Index row) {
  return std::all_of(bounds.begin(), bounds.end(), [&](const OutcomeBound& bound) {
    const double y = sample(row, bound.response);
    return y >= bound.lower && y <= bound.upper;
  });
}

}  // namespace

JointLogExpectedHypervolumeImprovement::JointLogExpectedHypervolumeImprovement(const surrogate::SurrogateBeside& beside,
                                                                               const Improvement& wanted,
                                                                               const JointSampling& sampling,
                                                                               core::RandomKey key)
    : samples_(beside, wanted.utilities, wanted.bounds, sampling, key),
      units_(units_of(samples_, wanted.utilities.size())),
      boxes_(dominated(samples_, wanted, units_), sampling.q) {}

JointAcquisitionValue JointLogExpectedHypervolumeImprovement::evaluate(const surrogate::PosteriorBeside& posterior,
                                                                       bool gradients) const {
  const JointSamples::At at = samples_.at(posterior);
  if (!at.usable) return never(posterior, gradients);
  JointAcquisitionValue out;
  const Eigen::Index q = samples_.q();
  const Eigen::Index s = samples_.samples();
  SampleMatrix utilities(s * q, units_.size());
  for (Eigen::Index j = 0; j < units_.size(); ++j) {
    // (q, s) column by column is the order of the rows k · q + i.
    utilities.col(j) = at.utility[static_cast<std::size_t>(j)].reshaped() / units_(j);
  }
  const SampleMatrix feasible = at.log_feasible.transpose();
  const SampledLogValue value = boxes_.evaluate(utilities, gradients, feasible);
  out.value = value.value + units_.array().log().sum();
  if (!gradients) return out;
  std::vector<Eigen::MatrixXd> by_utility;
  for (Eigen::Index j = 0; j < units_.size(); ++j) {
    by_utility.emplace_back(value.gradient.col(j).reshaped(q, s) / units_(j));
  }
  out.gradient = samples_.pullback(posterior, at, by_utility, value.feasibility_gradient.transpose());
  return out;
}

std::vector<Eigen::Index> prune_front(const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X,
                                      const std::vector<Utility>& utilities, const std::vector<OutcomeBound>& bounds,
                                      core::RandomKey key, Eigen::Index samples) {
  if (X.rows() == 0) return {};
  const auto posterior = surrogate.posterior(X, {.gradients = false, .joint = true, .reading = false});
  std::vector<bool> wins(static_cast<std::size_t>(X.rows()), false);
  for (const Eigen::MatrixXd& sample : posterior->sample(samples, key, surrogate::VarianceOf::latent)) {
    std::vector<Eigen::Index> rows;
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      if (keeps(bounds, sample, i)) rows.push_back(i);
    }
    Eigen::MatrixXd values(std::ssize(rows), std::ssize(utilities));
    for (Eigen::Index i = 0; i < values.rows(); ++i) {
      for (Eigen::Index j = 0; j < values.cols(); ++j) {
        const Utility& utility = utilities[static_cast<std::size_t>(j)];
        values(i, j) = utility.of(sample(rows[static_cast<std::size_t>(i)], utility.response));
      }
    }
    for (const Eigen::Index i : non_dominated(values)) {
      wins[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])] = true;
    }
  }
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    if (wins[static_cast<std::size_t>(i)]) out.push_back(i);
  }
  return out;
}

Eigen::VectorXd inferred_reference(const Eigen::MatrixXd& utilities) {
  constexpr double share = 0.1;
  const Eigen::MatrixXd front = utilities(non_dominated(utilities), Eigen::all);
  const Eigen::VectorXd worst = front.colwise().minCoeff().transpose();
  Eigen::VectorXd range = front.colwise().maxCoeff().transpose() - worst;
  for (Eigen::Index j = 0; j < range.size(); ++j) {
    if (!(range(j) > 0.0)) range(j) = utilities.col(j).maxCoeff() - utilities.col(j).minCoeff();
    if (!(range(j) > 0.0)) range(j) = std::abs(worst(j));
    if (!(range(j) > 0.0)) range(j) = 1.0;
  }
  return worst - share * range;
}

}  // namespace luban::recommend::detail
