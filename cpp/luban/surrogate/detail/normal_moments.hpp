#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/response_transform.hpp>

namespace luban::surrogate::detail {

/// Moments of y = g(z) under normal z, g being the inverse of a transform. Closed for linear and exponential g; else by
/// the Hermite expansion g(μ + σ x) = Σ_k c_k he_k(x) in orthonormal polynomials, whose terms give every covariance at
/// once: Cov[g(a), g(b)] = Σ_{k ≥ 1} c_k(a) c_k(b) ρ^k for correlation ρ (Mehler 1866). Coefficients are integrals over
/// panels that end where g is not smooth, so that kinks cost no digits.
class LUBAN_SURROGATE_EXPORT NormalMoments {
 public:
  /// g at one normal z.
  struct Expansion {
    double mean = 0.0;            ///< E g(z)
    double variance = 0.0;        ///< Var g(z)
    double z_variance = 0.0;      ///< σ²
    double slope = 0.0;           ///< E g'(z)
    bool straight = false;        ///< g is a line as far as z spreads
    Eigen::VectorXd coefficient;  ///< c_k, empty where a closed form serves
    double tail = 0.0;            ///< Σ c_k² beyond the orders that are summed
  };
  /// Derivatives of Cov[g(a), g(b)].
  struct Partials {
    double by_covariance = 0.0;  ///< of a and b
    double by_mean_a = 0.0;
    double by_variance_a = 0.0;
    double by_mean_b = 0.0;
    double by_variance_b = 0.0;
  };
  struct MeanPartials {
    double by_mean = 0.0;
    double by_variance = 0.0;
  };

  explicit NormalMoments(std::shared_ptr<const ResponseTransform> transform);

  [[nodiscard]] const ResponseTransform& transform() const noexcept { return *transform_; }
  [[nodiscard]] Expansion expand(double mean, double variance) const;
  /// E g(z) and E g'(z) alone.
  [[nodiscard]] Expansion smooth(double mean, double variance) const;
  /// z with E g(z + noise) = y; NaN where there is none. Increasing in y.
  [[nodiscard]] double inverse_of_smooth(double y, double variance) const;
  [[nodiscard]] double covariance(const Expansion& a, const Expansion& b, double covariance) const;
  [[nodiscard]] Partials partials(const Expansion& a, const Expansion& b, double covariance) const;
  [[nodiscard]] MeanPartials mean_partials(const Expansion& a) const;

 private:
  [[nodiscard]] Expansion closed(double mean, double variance) const;
  [[nodiscard]] Expansion series(double mean, double variance, Eigen::Index orders) const;

  std::shared_ptr<const ResponseTransform> transform_;
  ClosedForm form_;
  std::vector<double> kinks_;
};

}  // namespace luban::surrogate::detail
