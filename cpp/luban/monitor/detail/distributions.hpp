#pragma once

namespace luban::monitor::detail {

/// Φ(u) of the standard normal distribution.
[[nodiscard]] double normal_cdf(double u);
/// Regularised lower incomplete gamma function P(a, x), a > 0, x ≥ 0.
[[nodiscard]] double gamma_p(double a, double x);
/// Quantile of the chi-squared distribution with `freedom` > 0 degrees of freedom (need not be whole), p in (0, 1).
[[nodiscard]] double chi_squared_quantile(double p, double freedom);
/// Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1].
[[nodiscard]] double beta_i(double a, double b, double x);
/// x at which I_x(a, b) = p.
[[nodiscard]] double beta_quantile(double p, double a, double b);
/// c4(n) = E[s] / σ of n ≥ 2 independent normal values.
[[nodiscard]] double c4(int n);

}  // namespace luban::monitor::detail
