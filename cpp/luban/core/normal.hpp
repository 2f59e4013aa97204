#pragma once

#include <luban/core/export.hpp>

namespace luban::core {

/// Scaled complementary error function exp(x²) erfc(x), to a few units in the last place; infinite below about −26.6.
[[nodiscard]] LUBAN_CORE_EXPORT double erfcx(double x);

/// log Φ(u) of the standard normal distribution, finite for every finite u.
[[nodiscard]] LUBAN_CORE_EXPORT double log_normal_cdf(double u);

/// log φ(u) of the standard normal density.
[[nodiscard]] LUBAN_CORE_EXPORT double log_normal_density(double u);

/// Φ⁻¹(p), p in (0, 1). Source: one Halley step on the rational start of Acklam (2003), full double accuracy.
[[nodiscard]] LUBAN_CORE_EXPORT double normal_quantile(double p);

/// log(1 − exp(x)) for x < 0 without loss of digits; −∞ at 0.
[[nodiscard]] LUBAN_CORE_EXPORT double log1mexp(double x);

/// log h(u) and its derivative Φ(u) / h(u), where h(u) = φ(u) + u Φ(u) is the expected improvement in units of the
/// standard deviation. Finite wherever u² is. Source: Ament et al. 2023 (arXiv 2310.20708), written with Mills' ratio
/// so that value and derivative keep their digits at every u.
struct LogH {
  double value;
  double derivative;
};
[[nodiscard]] LUBAN_CORE_EXPORT LogH log_h(double u);

}  // namespace luban::core
