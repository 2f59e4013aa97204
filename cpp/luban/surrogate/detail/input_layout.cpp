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

InputLayout InputLayout::only(const std::vector<bool>& kept) const {
  InputLayout out;
  for (std::size_t k = 0; k < numeric_.size(); ++k) {
    if (!kept[static_cast<std::size_t>(numeric_[k])]) continue;
    out.numeric_.push_back(numeric_[k]);
    out.scale_.push_back(scale_[k]);
    out.differentiable_.push_back(differentiable_[k]);
  }
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    if (!kept[static_cast<std::size_t>(categorical_[k])]) continue;
    out.categorical_.push_back(categorical_[k]);
    out.levels_.push_back(levels_[k]);
  }
  return out;
}

ChosenInputs InputLayout::places(const std::vector<bool>& kept) const {
  ChosenInputs out;
  for (std::size_t k = 0; k < numeric_.size(); ++k) {
    const bool here = kept[static_cast<std::size_t>(numeric_[k])];
    if (here) out.numeric.push_back(static_cast<Eigen::Index>(k));
    out.all = out.all && here;
  }
  Eigen::Index first = 0;
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    const bool here = kept[static_cast<std::size_t>(categorical_[k])];
    for (Eigen::Index level = 0; here && level < levels_[k]; ++level) out.one_hot.push_back(first + level);
    out.all = out.all && here;
    first += levels_[k];
  }
  return out;
}

const Points& ChosenInputs::of(const Points& points, Points& memory) const {
  if (all) return points;
  memory.numeric = points.numeric(Eigen::all, numeric);
  memory.one_hot = points.one_hot(Eigen::all, one_hot);
  return memory;
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
