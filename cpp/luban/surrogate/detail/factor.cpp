#include <luban/surrogate/detail/factor.hpp>

#include <cmath>

#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/simd.hpp>

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

Factor::Factor(const FactorSpec& spec, const InputLayout& layout, Eigen::Index first_parameter)
    : kind_(spec.kind), first_(first_parameter) {
  if (kind_ == FactorKind::linear) return;
  if (kind_ == FactorKind::categorical) {
    for (std::size_t k = 0; k < layout.levels().size(); ++k) {
      const Eigen::Index parameter = spec.isotropic ? 0 : static_cast<Eigen::Index>(k);
      parameter_of_.insert(parameter_of_.end(), static_cast<std::size_t>(layout.levels()[k]), parameter);
    }
    parameter_count_ = spec.isotropic ? 1 : layout.categorical_count();
    return;
  }
  for (Eigen::Index k = 0; k < layout.numeric_count(); ++k) parameter_of_.push_back(spec.isotropic ? 0 : k);
  parameter_count_ = spec.isotropic ? 1 : layout.numeric_count();
}

Eigen::MatrixXd Factor::scaled(const Eigen::VectorXd& theta, const Points& points) const {
  if (kind_ == FactorKind::linear) return (2.0 * points.numeric.array() - 1.0).matrix();
  const bool categorical = kind_ == FactorKind::categorical;
  Eigen::MatrixXd out = categorical ? points.one_hot : (points.numeric.array() - 0.5).matrix();
  for (Eigen::Index column = 0; column < out.cols(); ++column) {
    const double log_length = theta(first_ + parameter_of_[static_cast<std::size_t>(column)]);
    out.col(column) *= std::exp(categorical ? -0.5 * log_length : -log_length);
  }
  return out;
}

void Factor::apply_profile(Eigen::Index count, double* r2, double* slope) const {
  const SimdTable& loops = simd_table();
  if (kind_ == FactorKind::matern52) {
    loops.matern52(static_cast<std::size_t>(count), r2, r2, slope);
  } else {
    loops.rbf(static_cast<std::size_t>(count), r2, r2);
  }
}

void Factor::evaluate_lower(const Eigen::MatrixXd& scaled, FactorMatrix& out) const {
  const Eigen::Index n = scaled.rows();
  out.value = self_product_lower(scaled);
  if (!stationary()) {
    out.value /= static_cast<double>(std::max<Eigen::Index>(scaled.cols(), 1));
    return;
  }
  if (kind_ == FactorKind::matern52) out.slope.resize(n, n);
  const Eigen::VectorXd norms = out.value.diagonal();
  const SimdTable& loops = simd_table();
  for (Eigen::Index j = 0; j < n; ++j) {
    double* column = out.value.col(j).data() + j;
    loops.distances(static_cast<std::size_t>(n - j), norms.data() + j, norms(j), column);
    *column = 0.0;  // the distance to itself, whatever rounding made of it
    apply_profile(n - j, column, out.slope.size() > 0 ? out.slope.col(j).data() + j : nullptr);
  }
}

void Factor::evaluate_cross(const Eigen::MatrixXd& scaled_rows, const Eigen::MatrixXd& scaled_columns,
                            FactorMatrix& out) const {
  out.value = product(scaled_rows, Transpose::no, scaled_columns, Transpose::yes);
  if (!stationary()) {
    out.value /= static_cast<double>(std::max<Eigen::Index>(scaled_rows.cols(), 1));
    return;
  }
  if (kind_ == FactorKind::matern52) out.slope.resize(out.value.rows(), out.value.cols());
  const Eigen::VectorXd row_norms = scaled_rows.rowwise().squaredNorm();
  const Eigen::VectorXd column_norms = scaled_columns.rowwise().squaredNorm();
  const SimdTable& loops = simd_table();
  for (Eigen::Index j = 0; j < out.value.cols(); ++j) {
    double* column = out.value.col(j).data();
    loops.distances(static_cast<std::size_t>(out.value.rows()), row_norms.data(), column_norms(j), column);
    apply_profile(out.value.rows(), column, out.slope.size() > 0 ? out.slope.col(j).data() : nullptr);
  }
}

Eigen::VectorXd Factor::diagonal(const Eigen::MatrixXd& scaled) const {
  if (stationary()) return Eigen::VectorXd::Ones(scaled.rows());
  return scaled.rowwise().squaredNorm() / static_cast<double>(std::max<Eigen::Index>(scaled.cols(), 1));
}

void Factor::times_slope(const FactorMatrix& matrix, Eigen::Index column, Eigen::Index first_row,
                         Eigen::VectorXd& coefficient) const {
  const Eigen::Index count = matrix.value.rows() - first_row;
  if (kind_ == FactorKind::matern52) {
    coefficient.tail(count).array() *= matrix.slope.col(column).tail(count).array();
  } else {
    coefficient.tail(count).array() *= -0.5 * matrix.value.col(column).tail(count).array();
  }
}

void Factor::add_parameter_gradient(const Eigen::MatrixXd& scaled, const Eigen::MatrixXd& m,
                                    Eigen::VectorXd& gradient) const {
  if (!stationary()) return;
  // Σ_ij M_ij (z_i − z_j)² = 2 (Σ_i z_i² r_i − zᵀ M z), r the row sums; r² ∝ length⁻² (numeric), length⁻¹ (one-hot).
  const double power = kind_ == FactorKind::categorical ? 1.0 : 2.0;
  const Eigen::VectorXd row_sums = m.rowwise().sum();
  const Eigen::MatrixXd mz = product(m, Transpose::no, scaled, Transpose::no);
  for (Eigen::Index k = 0; k < scaled.cols(); ++k) {
    const double spread = scaled.col(k).cwiseAbs2().dot(row_sums) - scaled.col(k).dot(mz.col(k));
    gradient(first_ + parameter_of_[static_cast<std::size_t>(k)]) -= 2.0 * power * spread;
  }
}

void Factor::add_input_gradient(const Eigen::VectorXd& theta, const Eigen::MatrixXd& scaled_rows,
                                const Eigen::MatrixXd& scaled_columns, const Eigen::MatrixXd& m,
                                Eigen::MatrixXd& gradient) const {
  if (kind_ == FactorKind::categorical) return;
  const Eigen::MatrixXd mz = product(m, Transpose::no, scaled_columns, Transpose::no);
  if (kind_ == FactorKind::linear) {
    gradient += mz * (2.0 / static_cast<double>(std::max<Eigen::Index>(scaled_rows.cols(), 1)));
    return;
  }
  const Eigen::VectorXd row_sums = m.rowwise().sum();
  for (Eigen::Index k = 0; k < scaled_rows.cols(); ++k) {
    const double inverse_length = std::exp(-theta(first_ + parameter_of_[static_cast<std::size_t>(k)]));
    gradient.col(k).array() +=
        2.0 * inverse_length * (scaled_rows.col(k).array() * row_sums.array() - mz.col(k).array());
  }
}

void Factor::add_diagonal_input_gradient(const Eigen::MatrixXd& scaled, const Eigen::VectorXd& coefficient,
                                         Eigen::MatrixXd& gradient) const {
  if (stationary()) return;
  const double scale = 4.0 / static_cast<double>(std::max<Eigen::Index>(scaled.cols(), 1));
  gradient += scale * coefficient.asDiagonal() * scaled;
}

}  // namespace luban::surrogate::detail
