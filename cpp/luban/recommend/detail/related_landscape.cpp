#include <luban/recommend/detail/related_landscape.hpp>

#include <iterator>
#include <utility>
#include <vector>

namespace luban::recommend::detail {

Landscape::Value RelatedLandscape::evaluate(const Eigen::MatrixXd& X, bool gradients) const {
  Value out = inner_->evaluate(X, gradients);
  const Eigen::Index k = relations_->size();
  Eigen::MatrixXd all(X.rows(), k + out.constraints.cols());
  all.rightCols(out.constraints.cols()) = out.constraints;
  std::vector<Eigen::MatrixXd> jacobians(gradients ? static_cast<std::size_t>(k) : 0,
                                         Eigen::MatrixXd(X.rows(), X.cols()));
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const Eigen::VectorXd x = X.row(i).transpose();
    all.row(i).head(k) = relations_->constraints(x).transpose();
    if (!gradients) continue;
    const Eigen::MatrixXd jacobian = relations_->jacobian(x);
    for (Eigen::Index c = 0; c < k; ++c) jacobians[static_cast<std::size_t>(c)].row(i) = jacobian.row(c);
  }
  std::move(out.jacobians.begin(), out.jacobians.end(), std::back_inserter(jacobians));
  out.constraints = std::move(all);
  out.jacobians = std::move(jacobians);
  out.equalities = relations_->equalities();
  return out;
}

}  // namespace luban::recommend::detail
