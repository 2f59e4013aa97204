#include <luban/recommend/detail/cholesky.hpp>

#include <Eigen/Cholesky>

namespace luban::recommend::detail {

SmallCholesky small_cholesky(const Eigen::MatrixXd& S, double scale) {
  SmallCholesky out;
  if (!S.allFinite() || !(scale > 0.0)) return out;
  for (double nugget = 1e-10; nugget < 10.0; nugget *= 100.0) {
    Eigen::MatrixXd shifted = S;
    shifted.diagonal().array() += nugget * scale;
    const Eigen::LLT<Eigen::MatrixXd> factor(shifted);
    if (factor.info() != Eigen::Success) continue;
    out.lower = factor.matrixL();
    out.nugget = nugget;
    out.usable = true;
    return out;
  }
  return out;
}

Eigen::MatrixXd cholesky_pullback(const Eigen::MatrixXd& lower, const Eigen::MatrixXd& by_lower) {
  const Eigen::MatrixXd inner = lower.transpose() * by_lower.triangularView<Eigen::Lower>().toDenseMatrix();
  Eigen::MatrixXd p = inner.triangularView<Eigen::Lower>();
  p.diagonal() *= 0.5;
  lower.triangularView<Eigen::Lower>().transpose().solveInPlace(p);         // L⁻ᵀ Φ
  lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(p);  // … L⁻¹
  return 0.5 * (p + p.transpose());
}

}  // namespace luban::recommend::detail
