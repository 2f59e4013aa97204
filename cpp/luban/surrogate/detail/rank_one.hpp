#pragma once

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Rewrites L, lower triangular with a positive diagonal, to the Cholesky factor of L Lᵀ + v vᵀ, in O(n²); v is used
/// up, above the diagonal nothing is touched. Reference: Golub and Van Loan 2013, section 6.5.4.
LUBAN_SURROGATE_EXPORT void add_rank_one(Eigen::Ref<Eigen::MatrixXd> lower, Eigen::Ref<Eigen::VectorXd> v);

/// Takes rows (and the columns of the same number) out of a covariance of which the Cholesky factor and the inverse are
/// known, one after the other in O(n²) each. What it is made of must outlive it.
class LUBAN_SURROGATE_EXPORT RowRemoval {
 public:
  RowRemoval(const Eigen::MatrixXd& lower, const Eigen::MatrixXd& inverse) : lower_(&lower), inverse_(&inverse) {}
  [[nodiscard]] Eigen::Index size() const noexcept { return lower_->rows(); }
  void remove(Eigen::Index row);
  /// The last removal, into matrices of one row and column less.
  void remove_into(Eigen::Index row, Eigen::Ref<Eigen::MatrixXd> lower, Eigen::Ref<Eigen::MatrixXd> inverse) const;

 private:
  const Eigen::MatrixXd* lower_;
  const Eigen::MatrixXd* inverse_;
  Eigen::MatrixXd own_lower_;
  Eigen::MatrixXd own_inverse_;
};

}  // namespace luban::surrogate::detail
