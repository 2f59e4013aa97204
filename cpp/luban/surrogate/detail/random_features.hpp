#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/surrogate/detail/covariance.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Functions φ_f of a point with E Σ_f φ_f(x) φ_f(x′) = K(x, x′): pairs √(v/F) (cos, sin)(Σ ω·z) of random frequencies
/// ω for each term of variance v, z the coordinates of its stationary factors (the spectrum of a product is that of a
/// sum of frequencies), times a coordinate of each factor that is an inner product, in turn. Terms of inner products
/// alone are exact, and so are variances of terms without one. Reference: Rahimi and Recht 2007. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT RandomFeatures {
 public:
  /// @throws ConfigurationError when a stationary factor's spectrum is not known.
  RandomFeatures(std::shared_ptr<const Covariance> covariance, Eigen::VectorXd theta, Eigen::Index pairs,
                 core::RandomKey key);
  [[nodiscard]] Eigen::Index count() const noexcept { return count_; }
  [[nodiscard]] Eigen::MatrixXd values(const Points& points) const;  ///< (q, count)
  /// (q, p) derivative of Σ_f weights_f φ_f by the coded inputs.
  [[nodiscard]] Eigen::MatrixXd gradient(const Points& points, const Eigen::VectorXd& weights) const;

 private:
  struct Term {
    double amplitude = 0.0;
    std::vector<std::size_t> products;         ///< factors that are inner products
    std::vector<Eigen::Index> counts;          ///< coordinates of each of them
    Eigen::Index combinations = 1;             ///< of a coordinate of each
    std::vector<std::size_t> stationary;       ///< the other factors
    std::vector<Eigen::MatrixXd> frequencies;  ///< (c, F) of each of them
    Eigen::Index pairs = 0;                    ///< F; 0 = inner products alone, one feature a combination
    Eigen::Index first = 0;                    ///< of its features
    [[nodiscard]] Eigen::Index columns() const noexcept { return pairs > 0 ? pairs : combinations; }
  };
  void add_term(const Covariance::Term& from, Eigen::Index pairs, core::RandomKey key);
  [[nodiscard]] static Eigen::MatrixXd phases(const Term& term, const Covariance::Coordinates& at);
  // Without the product that is skipped; −1 = none.
  [[nodiscard]] static Eigen::MatrixXd amplitudes(const Term& term, const Covariance::Coordinates& at,
                                                  std::ptrdiff_t skipped);
  static void add_gradient(const Term& term, const Covariance::Coordinates& at, const Eigen::VectorXd& weights,
                           std::vector<Eigen::MatrixXd>& by_coordinates);

  std::shared_ptr<const Covariance> covariance_;
  Eigen::VectorXd theta_;
  std::vector<Term> terms_;
  Eigen::Index count_ = 0;
};

}  // namespace luban::surrogate::detail
