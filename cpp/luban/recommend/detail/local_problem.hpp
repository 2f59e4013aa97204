#pragma once

#include <Eigen/Core>

#include <luban/recommend/detail/array_trials.hpp>
#include <luban/recommend/detail/trust_region.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// Whether the options ask for a trust region here. @throws ConfigurationError when they always do and there are
/// several objectives.
[[nodiscard]] bool wants_trust_region(const ArrayProblem& problem, const ProposeOptions& options);

/// The trust region of the runs so far. @param q runs a round.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT TrustRegion trust_region_of(const ArrayProblem& problem, Eigen::Index q);

/// The same since `measured` began, by what is judged of its runs: a sharp optimum that the tolerances take away is
/// none.
/// @param trials with all runs of `measured`. @param measured with a centre.
[[nodiscard]] TrustRegion judged_trust_region(const ArrayProblem& problem, const ArrayTrials& trials,
                                              const surrogate::Surrogate& judged, const TrustRegion& measured,
                                              Eigen::Index q);

/// The problem with the runs of the region alone.
[[nodiscard]] ArrayProblem since_start(const ArrayProblem& problem, const TrustRegion& region);

/// (d) where the region is centred, in the problem's own numbers: its best run; where that breaks a relation, settings
/// near it that keep it.
[[nodiscard]] Eigen::VectorXd centre_of(const ArrayProblem& problem, const ArrayTrials& trials,
                                        const TrustRegion& region);

/// Narrows `problem` to a box around the centre (d), its sides by the surrogate's lengthscales where it is a Gaussian
/// process that tells them, a value of an integer or ordinal column to either side at least. Categories stay free.
void narrow(double length, const Eigen::VectorXd& centre, const surrogate::Surrogate& fitted, ArrayProblem& problem);

/// (q, p) coded points that go on with the design of a start, those of its runs and of pending ones left out. The
/// same points whenever they are asked for.
[[nodiscard]] Eigen::MatrixXd design_points(const ArrayProblem& problem, const ArrayTrials& trials,
                                            const TrustRegion& region, Eigen::Index q);

}  // namespace luban::recommend::detail
