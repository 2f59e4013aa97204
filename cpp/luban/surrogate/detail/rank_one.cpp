#include <luban/surrogate/detail/rank_one.hpp>

#include <cmath>
#include <utility>

namespace luban::surrogate::detail {

void add_rank_one(Eigen::Ref<Eigen::MatrixXd> lower, Eigen::Ref<Eigen::VectorXd> v) {
  const Eigen::Index n = lower.rows();
  for (Eigen::Index k = 0; k < n; ++k) {
    const double old = lower(k, k);
    const double now = std::hypot(old, v(k));
    const double c = now / old;
    const double s = v(k) / old;
    lower(k, k) = now;
    auto column = lower.col(k).tail(n - k - 1);
    auto rest = v.tail(n - k - 1);
    column = (column + s * rest) / c;
    rest = c * rest - s * column;
  }
}

void RowRemoval::remove(Eigen::Index row) {
  const Eigen::Index n = size() - 1;
  Eigen::MatrixXd lower(n, n);
  Eigen::MatrixXd inverse(n, n);
  remove_into(row, lower, inverse);
  own_lower_ = std::move(lower);
  own_inverse_ = std::move(inverse);
  lower_ = &own_lower_;
  inverse_ = &own_inverse_;
}

void RowRemoval::remove_into(Eigen::Index row, Eigen::Ref<Eigen::MatrixXd> lower,
                             Eigen::Ref<Eigen::MatrixXd> inverse) const {
  const Eigen::Index n = size();
  const Eigen::Index after = n - row - 1;
  // Column of the inverse from the factor: errors of the inverse do not feed on themselves over many removals.
  Eigen::VectorXd b = Eigen::VectorXd::Unit(n, row);
  lower_->triangularView<Eigen::Lower>().solveInPlace(b);
  lower_->transpose().triangularView<Eigen::Upper>().solveInPlace(b);
  b /= std::sqrt(b(row));
  for (Eigen::Index j = 0, to = 0; j < n; ++j) {
    if (j == row) continue;
    inverse.col(to).head(row) = inverse_->col(j).head(row) - b(j) * b.head(row);
    inverse.col(to).tail(after) = inverse_->col(j).tail(after) - b(j) * b.tail(after);
    lower.col(to).head(row) = lower_->col(j).head(row);
    lower.col(to).tail(after) = lower_->col(j).tail(after);
    ++to;
  }
  Eigen::VectorXd v = lower_->col(row).tail(after);
  add_rank_one(lower.bottomRightCorner(after, after), v);
}

}  // namespace luban::surrogate::detail
