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
/// sum of frequencies), times a coordinate of its linear factor, each in turn. Linear terms alone are exact, and so are
/// variances of terms without a linear factor. Reference: Rahimi and Recht 2007. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT RandomFeatures {
 public:
  /// @throws ConfigurationError when a stationary factor's spectrum is not known or a term has two linear factors.
  RandomFeatures(std::shared_ptr<const Covariance> covariance, Eigen::VectorXd theta, Eigen::Index pairs,
                 core::RandomKey key);
  [[nodiscard]] Eigen::Index count() const noexcept { return count_; }
  [[nodiscard]] Eigen::MatrixXd values(const Points& points) const;  ///< (q, count)
  /// (q, p) derivative of Σ_f weights_f φ_f by the coded inputs.
  [[nodiscard]] Eigen::MatrixXd gradient(const Points& points, const Eigen::VectorXd& weights) const;

 private:
  struct Term {
    double amplitude = 0.0;
    std::ptrdiff_t linear = -1;                ///< factor; −1 = none
    std::vector<std::size_t> stationary;       ///< factors
    std::vector<Eigen::MatrixXd> frequencies;  ///< (c, F) of each of them
    Eigen::Index pairs = 0;                    ///< F; 0 = linear alone, one feature a coordinate
    Eigen::Index first = 0;                    ///< of its features
    Eigen::Index linear_count = 0;             ///< coordinates of the linear factor
  };
  void add_term(const Covariance::Term& from, Eigen::Index pairs, core::RandomKey key);
  [[nodiscard]] Eigen::MatrixXd phases(const Term& term, const Covariance::Coordinates& at) const;
  [[nodiscard]] Eigen::MatrixXd amplitudes(const Term& term, const Covariance::Coordinates& at) const;
  void add_gradient(const Term& term, const Covariance::Coordinates& at, const Eigen::VectorXd& weights,
                    std::vector<Eigen::MatrixXd>& by_coordinates) const;

  std::shared_ptr<const Covariance> covariance_;
  Eigen::VectorXd theta_;
  std::vector<Term> terms_;
  Eigen::Index count_ = 0;
};

}  // namespace luban::surrogate::detail
