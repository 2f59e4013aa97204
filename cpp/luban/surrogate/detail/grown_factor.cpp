#include <luban/surrogate/detail/grown_factor.hpp>

#include <mutex>
#include <utility>

#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

// Up to so many columns dot products beat a packed product, and plain substitution a packed one.
constexpr Eigen::Index few_multiplied = 16;
constexpr Eigen::Index few_solved = 8;

}  // namespace

struct GrownFactor::Whole {
  Eigen::MatrixXd lower;
  Eigen::MatrixXd inverse;
  std::once_flag made;
};

GrownFactor::GrownFactor(Eigen::MatrixXd lower, Eigen::MatrixXd inverse) : base_rows_(lower.rows()) {
  auto base = std::make_shared<Whole>();
  base->lower = std::move(lower);
  base->inverse = std::move(inverse);
  base_ = std::move(base);
}

const GrownFactor::Whole& GrownFactor::whole() const {
  if (added() == 0) return *base_;
  std::call_once(later_->made, [this] {
    const Eigen::Index n = rows();
    const Eigen::Index k = added();
    later_->lower.resize(n, n);
    later_->lower.topLeftCorner(base_rows_, base_rows_) = base_->lower;
    later_->lower.topRightCorner(base_rows_, k).setZero();
    later_->lower.bottomLeftCorner(k, base_rows_) = across_.transpose();
    later_->lower.bottomRightCorner(k, k) = own_;
    later_->inverse.setZero(n, n);
    later_->inverse.topLeftCorner(base_rows_, base_rows_) = base_->inverse;
    add_product(1.0, columns_, Transpose::no, columns_, Transpose::yes, later_->inverse);
  });
  return *later_;
}

const Eigen::MatrixXd& GrownFactor::lower() const {
  return whole().lower;
}

const Eigen::MatrixXd& GrownFactor::inverse() const {
  return whole().inverse;
}

double GrownFactor::log_determinant() const {
  return 2.0 * (base_->lower.diagonal().array().log().sum() + own_.diagonal().array().log().sum());
}

Eigen::MatrixXd GrownFactor::half_solve_right(Eigen::MatrixXd x) const {
  solve_right_transposed(base_->lower, x.leftCols(base_rows_));
  if (added() == 0) return x;
  add_product(-1.0, x.leftCols(base_rows_), Transpose::no, across_, Transpose::no, x.rightCols(added()));
  solve_right_transposed(own_, x.rightCols(added()));
  return x;
}

Eigen::MatrixXd GrownFactor::half_solve(Eigen::MatrixXd x) const {
  if (x.cols() > few_solved) return half_solve_right(x.transpose()).transpose();
  auto first = x.topRows(base_rows_);
  auto last = x.bottomRows(added());
  base_->lower.triangularView<Eigen::Lower>().solveInPlace(first);
  if (added() == 0) return x;
  last -= across_.transpose() * first;
  own_.triangularView<Eigen::Lower>().solveInPlace(last);
  return x;
}

Eigen::MatrixXd GrownFactor::half_solve_transposed(Eigen::MatrixXd x) const {
  auto first = x.topRows(base_rows_);
  auto last = x.bottomRows(added());
  if (added() > 0) {
    own_.transpose().triangularView<Eigen::Upper>().solveInPlace(last);
    first -= across_ * last;
  }
  base_->lower.transpose().triangularView<Eigen::Upper>().solveInPlace(first);
  return x;
}

Eigen::MatrixXd GrownFactor::solve(const Eigen::MatrixXd& cross) const {
  const bool few = cross.cols() <= few_multiplied;
  if (added() == 0) {
    return few ? few_products(base_->inverse, cross) : product(base_->inverse, Transpose::no, cross, Transpose::no);
  }
  const Eigen::MatrixXd first = cross.topRows(base_rows_);
  Eigen::MatrixXd out(rows(), cross.cols());
  out.topRows(base_rows_) =
      few ? few_products(base_->inverse, first) : product(base_->inverse, Transpose::no, first, Transpose::no);
  out.bottomRows(added()).setZero();
  if (few) {
    out += columns_ * few_products(columns_, cross);
  } else {
    add_product(1.0, columns_, Transpose::no, product(columns_, Transpose::yes, cross, Transpose::no), Transpose::no,
                out);
  }
  return out;
}

Eigen::VectorXd GrownFactor::explained(const Eigen::MatrixXd& cross) const {
  if (cross.cols() <= few_multiplied) return solve(cross).cwiseProduct(cross).colwise().sum().transpose();
  return half_solve_right(cross.transpose()).rowwise().squaredNorm();
}

std::optional<GrownFactor> GrownFactor::grow(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& own) const {
  const Eigen::Index n = rows();
  const Eigen::Index k = added();
  const Eigen::Index m = own.rows();
  const Eigen::MatrixXd half = half_solve(cross);
  Eigen::MatrixXd lower = own - product(half, Transpose::yes, half, Transpose::no);
  if (!lower.allFinite() || !cholesky_lower(lower)) return std::nullopt;
  lower.triangularView<Eigen::StrictlyUpper>().setZero();
  Eigen::MatrixXd moved = half_solve_transposed(half);  // C⁻¹ cross
  solve_right_transposed(lower, moved);
  GrownFactor out;
  out.base_rows_ = base_rows_;
  out.base_ = base_;
  out.across_.resize(base_rows_, k + m);
  if (k > 0) out.across_.leftCols(k) = across_;
  out.across_.rightCols(m) = half.topRows(base_rows_);
  out.own_.setZero(k + m, k + m);
  if (k > 0) out.own_.topLeftCorner(k, k) = own_;
  out.own_.bottomLeftCorner(m, k) = half.bottomRows(k).transpose();
  out.own_.bottomRightCorner(m, m) = lower;
  out.columns_.setZero(n + m, k + m);
  if (k > 0) out.columns_.topLeftCorner(n, k) = columns_;
  out.columns_.topRightCorner(n, m) = -moved;
  out.columns_.bottomRightCorner(m, m) =
      lower.transpose().triangularView<Eigen::Upper>().solve(Eigen::MatrixXd::Identity(m, m));
  out.later_ = std::make_shared<Whole>();
  return out;
}

}  // namespace luban::surrogate::detail
