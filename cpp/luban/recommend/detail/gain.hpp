#pragma once

#include <Eigen/Core>

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// The gain of settings x over a reference: the difference of the utilities of their two expected responses, as
/// uncertain as the joint posterior of both.
struct Gain {
  Utility utility;
  Eigen::Vector2d response;    ///< posterior means at x and at the reference
  Eigen::Matrix2d covariance;  ///< latent, of these two
  double mean = 0.0;           ///< expected gain, > 0 = better, in the response's unit
  double sd = 0.0;
  double run_sd = 0.0;  ///< spread between runs at x
};

/// Minimise and maximise: the difference of two normals. Target: of two folded normals (Leone, Nelson and Nottingham
/// 1961), the standard deviation by quadrature over their joint distribution, error below 1e-7 of its size.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Gain make_gain(const Utility& utility, const Eigen::Vector2d& response,
                                                    const Eigen::Matrix2d& covariance, double run_sd);

[[nodiscard]] Gain gain_over(const surrogate::Surrogate& surrogate, const Utility& utility, const Eigen::VectorXd& x,
                             const Eigen::VectorXd& reference);

/// P(gain > least), to 1e-7.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double probability_above(const Gain& gain, double least);

/// E[max(0, gain)].
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double expected_improvement(const Gain& gain);

}  // namespace luban::recommend::detail
