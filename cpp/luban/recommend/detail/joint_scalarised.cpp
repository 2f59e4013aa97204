#include <luban/recommend/detail/joint_scalarised.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/joint_improvement.hpp>

namespace luban::recommend::detail {
namespace {

const double log_half = std::log(0.5);

}  // namespace

JointLogScalarisedImprovement::JointLogScalarisedImprovement(const surrogate::SurrogateBeside& beside,
                                                             const std::vector<Utility>& utilities,
                                                             AugmentedChebyshev scalarisation,
                                                             const std::vector<OutcomeBound>& bounds,
                                                             const JointSampling& sampling, core::RandomKey key)
    : scalarisation_(std::move(scalarisation)), samples_(beside, utilities, bounds, sampling, key) {
  if (samples_.b() == 0) {
    throw core::ConfigurationError({.where = "recommend.joint_scalarised",
                                    .expected = "at least one measured or pending point",
                                    .received = "none",
                                    .place = {},
                                    .hint = {}});
  }
  const Eigen::MatrixXd fixed = scalarised(samples_.fixed_utility(), nullptr);
  best_ = Eigen::VectorXd::Constant(samples_.samples(), fixed.minCoeff());
  for (Eigen::Index s = 0; s < fixed.cols(); ++s) {
    for (Eigen::Index i = 0; i < fixed.rows(); ++i) {
      if (samples_.fixed_log_feasible()(i, s) >= log_half) best_(s) = std::max(best_(s), fixed(i, s));
    }
  }
}

Eigen::MatrixXd JointLogScalarisedImprovement::scalarised(const std::vector<Eigen::MatrixXd>& utilities,
                                                          std::vector<Eigen::MatrixXd>* by_utility) const {
  const Eigen::Index rows = utilities.front().rows();
  const Eigen::Index samples = utilities.front().cols();
  Eigen::MatrixXd flat(rows * samples, std::ssize(utilities));
  for (Eigen::Index j = 0; j < flat.cols(); ++j) flat.col(j) = utilities[static_cast<std::size_t>(j)].reshaped();
  const ScalarisedValue value = scalarisation_.evaluate(flat, by_utility != nullptr);
  if (by_utility != nullptr) {
    by_utility->clear();
    for (Eigen::Index j = 0; j < flat.cols(); ++j) {
      by_utility->emplace_back(value.gradient.col(j).reshaped(rows, samples));
    }
  }
  return value.value.reshaped(rows, samples);
}

JointAcquisitionValue JointLogScalarisedImprovement::evaluate(const surrogate::PosteriorBeside& posterior,
                                                              bool gradients) const {
  const JointSamples::At at = samples_.at(posterior);
  if (!at.usable) return never(posterior, gradients);
  JointAcquisitionValue out;
  std::vector<Eigen::MatrixXd> by_utility;
  const Eigen::MatrixXd values = scalarised(at.utility, gradients ? &by_utility : nullptr);
  // Costs are relative to the range of what was seen: their unit is 1.
  const MeanImprovement improvement = log_mean_improvement(values, at.log_feasible, best_, 1.0);
  out.value = improvement.value;
  if (!gradients) return out;
  for (Eigen::MatrixXd& one : by_utility) one.array() *= improvement.by_utility.array();
  out.gradient = samples_.pullback(posterior, at, by_utility, improvement.by_log_feasible);
  return out;
}

}  // namespace luban::recommend::detail
