#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/features/encoder.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Inputs as factors see them: numeric and ordinal columns in [0, 1], categorical ones as one column per category.
struct Points {
  Eigen::MatrixXd numeric;  ///< (n, dn)
  Eigen::MatrixXd one_hot;  ///< (n, Σ levels)
  [[nodiscard]] Eigen::Index count() const noexcept { return numeric.rows(); }
};

/// Places in Points of the inputs that one factor looks at.
struct ChosenInputs {
  bool all = true;
  std::vector<Eigen::Index> numeric;
  std::vector<Eigen::Index> one_hot;
  /// The points by these inputs alone, in `memory` unless it is all of them.
  [[nodiscard]] const Points& of(const Points& points, Points& memory) const;
};

/// Which columns of X become what.
class LUBAN_SURROGATE_EXPORT InputLayout {
 public:
  explicit InputLayout(const features::Encoder& encoder);
  /// Of some inputs alone: `kept` says which columns of X.
  [[nodiscard]] InputLayout only(const std::vector<bool>& kept) const;
  [[nodiscard]] Points points(const Eigen::MatrixXd& X) const;
  [[nodiscard]] Eigen::Index numeric_count() const noexcept { return static_cast<Eigen::Index>(numeric_.size()); }
  [[nodiscard]] Eigen::Index categorical_count() const noexcept {
    return static_cast<Eigen::Index>(categorical_.size());
  }
  [[nodiscard]] const std::vector<Eigen::Index>& numeric() const noexcept { return numeric_; }
  [[nodiscard]] const std::vector<Eigen::Index>& categorical() const noexcept { return categorical_; }
  [[nodiscard]] const std::vector<Eigen::Index>& levels() const noexcept { return levels_; }
  /// Places of the same inputs of this layout that `only` would keep.
  [[nodiscard]] ChosenInputs places(const std::vector<bool>& kept) const;
  /// Adds gradients by the numeric block (q, dn) to those by X (q, p); ordinal columns have no derivative and stay 0.
  void scatter(const Eigen::MatrixXd& by_numeric, Eigen::MatrixXd& by_x) const;

 private:
  InputLayout() = default;
  std::vector<Eigen::Index> numeric_;  ///< columns of X
  std::vector<double> scale_;          ///< 1, or 1 / (levels − 1) for an ordinal column
  std::vector<bool> differentiable_;
  std::vector<Eigen::Index> categorical_;  ///< columns of X
  std::vector<Eigen::Index> levels_;       ///< of each categorical column
};

}  // namespace luban::surrogate::detail
