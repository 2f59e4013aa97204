#pragma once

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

// Smooth parts of sampled acquisitions in logarithms: "fat" versions whose tails fall like 1 / x², so that a search has
// a slope wherever it stands. Source: Ament et al. 2023 (arXiv 2310.20708), section 4 and appendix A.

/// A value with its derivative by the argument.
struct Smooth {
  double value = 0.0;
  double slope = 0.0;
};

/// τ [softplus(x / τ) + 0.1 / (1 + (x / τ)²)] > 0 and its derivative; loses its logarithm below x / τ = −1e150.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Smooth fat_softplus(double x, double temperature);

/// log of τ [softplus(x / τ) + 0.1 / (1 + (x / τ)²)]: a logarithm of max(x, 0). Finite for |x / τ| < 1e300.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Smooth log_fat_softplus(double x, double temperature);

/// log of a sigmoid of x / τ that is 1/2 at 0 and whose tails are Cauchy's: 2/3 / (1 + (√⅓ − x/τ)²) below 0, mirrored
/// above. A logarithm of [x ≥ 0].
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Smooth log_fat_sigmoid(double x, double temperature);

/// max + τ ln Σ 2 / (2 + 2z + z²), z = (max − v) / τ. `share` (as long as v) receives the derivative by each value;
/// they sum to 1. v not empty.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double fat_max(const Eigen::Ref<const Eigen::VectorXd>& v, double temperature,
                                                    Eigen::Ref<Eigen::VectorXd> share);

/// The same in two parts, max and Σ, for whoever takes many logarithms at once; v of `count` finite values or −∞.
struct FatMaximum {
  double most = 0.0;
  double sum = 1.0;
};
[[nodiscard]] LUBAN_RECOMMEND_EXPORT FatMaximum fat_maximum(const double* v, Eigen::Index count, double temperature,
                                                            double* share);

/// ln (1/s) Σ exp v. `share` receives the derivative by each value; they sum to 1. v not empty; −∞ only when all are.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double log_mean_exp(const Eigen::Ref<const Eigen::VectorXd>& v,
                                                         Eigen::Ref<Eigen::VectorXd> share);

}  // namespace luban::recommend::detail
