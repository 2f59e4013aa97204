#include <luban/surrogate/detail/input_layout.hpp>

namespace luban::surrogate::detail {

InputLayout::InputLayout(const features::Encoder& encoder) {
  for (Eigen::Index column = 0; column < encoder.p(); ++column) {
    const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(column)];
    const auto levels = static_cast<Eigen::Index>(variable.categories.size());
    if (variable.kind == process::VariableKind::categorical) {
      categorical_.push_back(column);
      levels_.push_back(levels);
      continue;
    }
    const bool ordinal = variable.kind == process::VariableKind::ordinal;
    numeric_.push_back(column);
    scale_.push_back(ordinal && levels > 1 ? 1.0 / static_cast<double>(levels - 1) : 1.0);
    differentiable_.push_back(!ordinal);
  }
}

Points InputLayout::points(const Eigen::MatrixXd& X) const {
  Points out;
  out.numeric.resize(X.rows(), numeric_count());
  for (Eigen::Index k = 0; k < numeric_count(); ++k) {
    out.numeric.col(k) = X.col(numeric_[static_cast<std::size_t>(k)]) * scale_[static_cast<std::size_t>(k)];
  }
  Eigen::Index width = 0;
  for (const Eigen::Index levels : levels_) width += levels;
  out.one_hot = Eigen::MatrixXd::Zero(X.rows(), width);
  Eigen::Index first = 0;
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      out.one_hot(i, first + static_cast<Eigen::Index>(X(i, categorical_[k]))) = 1.0;
    }
    first += levels_[k];
  }
  return out;
}

void InputLayout::scatter(const Eigen::MatrixXd& by_numeric, Eigen::MatrixXd& by_x) const {
  for (std::size_t k = 0; k < numeric_.size(); ++k) {
    if (differentiable_[k]) by_x.col(numeric_[k]) += by_numeric.col(static_cast<Eigen::Index>(k));
  }
}

}  // namespace luban::surrogate::detail
