#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/features/encoder.hpp>
#include <luban/process/constraint.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

using CodedRow = Eigen::Ref<const Eigen::VectorXd, 0, Eigen::InnerStride<>>;
using CodedSlopes = Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>>;

/// A sum of products of powers, in the parameters' units, as a function of coded inputs.
class LUBAN_RECOMMEND_EXPORT Signomial {
 public:
  /// @param encoder knows every parameter of the sum as a numeric column; see `stranger_in`.
  Signomial(const features::Encoder& encoder, const std::vector<process::Monomial>& sum);
  [[nodiscard]] double value(const CodedRow& x) const;
  /// Σ |monomial|: what rounding is relative to.
  [[nodiscard]] double magnitude(const CodedRow& x) const;
  /// Adds weight times the derivatives by the coded inputs to `into` (p).
  void add_gradient(const CodedRow& x, double weight, CodedSlopes into) const;
  /// The same of the magnitude.
  void add_magnitude_gradient(const CodedRow& x, double weight, CodedSlopes into) const;
  /// Columns that take part, ascending.
  [[nodiscard]] const std::vector<Eigen::Index>& columns() const noexcept { return columns_; }

 private:
  struct Power {
    Eigen::Index column = 0;
    double low = 0.0;
    double width = 1.0;  ///< the number is low + width · coded
    double exponent = 1.0;
    [[nodiscard]] double base(const CodedRow& x) const;
  };
  struct Term {
    double factor = 1.0;
    std::vector<Power> powers;
    [[nodiscard]] double value(const CodedRow& x) const;
    void add_gradient(const CodedRow& x, double weight, CodedSlopes& into) const;
  };
  std::vector<Term> terms_;
  std::vector<Eigen::Index> columns_;
};

/// The first name in a sum that is no numeric column of the encoder; "" when all are.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::string stranger_in(const std::vector<process::Monomial>& sum,
                                                             const features::Encoder& encoder);

/// Nonlinear relations as smooth constraints on coded rows, each relative to the size of its bound, or of its terms at
/// x where the bound is 0: the first `equalities()` ones are c(x) = 0, the others c(x) ≤ 0. A band too narrow for a
/// search to stay inside is an equality.
class LUBAN_RECOMMEND_EXPORT SignomialSet {
 public:
  /// Of that size, what a relation may be broken by.
  static constexpr double tolerance = 1e-6;

  struct Relation {
    Signomial sum;
    process::SignomialConstraint stated;
    double lower = 0.0;
    double upper = 0.0;
    double lower_scale = 1.0;  ///< what an excess is divided by; 0 = the magnitude at x
    double upper_scale = 1.0;
    [[nodiscard]] bool equality() const noexcept { return lower == upper; }
    /// What x is beyond a bound, relative to that size; negative within.
    [[nodiscard]] double excess(const CodedRow& x, bool above) const;
    void add_excess_gradient(const CodedRow& x, bool above, CodedSlopes into) const;
    /// What x breaks it by, relative to that size; 0 when it keeps it.
    [[nodiscard]] double violation(const CodedRow& x) const;
  };

  /// @param centre (p) coded row whose magnitudes say which bounds are lost in rounding.
  SignomialSet(const features::Encoder& encoder, const std::vector<process::SignomialConstraint>& constraints,
               const Eigen::VectorXd& centre);
  [[nodiscard]] const std::vector<Relation>& relations() const noexcept { return relations_; }
  [[nodiscard]] Eigen::Index size() const noexcept { return equalities_ + sides_; }
  [[nodiscard]] Eigen::Index equalities() const noexcept { return equalities_; }
  /// (size) constraints at x.
  [[nodiscard]] Eigen::VectorXd constraints(const CodedRow& x) const;
  /// (size, p) their derivatives.
  [[nodiscard]] Eigen::MatrixXd jacobian(const CodedRow& x) const;
  /// The largest of what x breaks.
  [[nodiscard]] double violation(const CodedRow& x) const;
  /// Columns that take part in any of them, ascending.
  [[nodiscard]] const std::vector<Eigen::Index>& columns() const noexcept { return columns_; }

 private:
  std::vector<Relation> relations_;  ///< equalities first
  Eigen::Index equalities_ = 0;
  Eigen::Index sides_ = 0;  ///< finite bounds of the others
  std::vector<Eigen::Index> columns_;
};

}  // namespace luban::recommend::detail
