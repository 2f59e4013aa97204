#include <luban/surrogate/detail/covariance.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/panels.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

std::size_t column_of(const std::string& name, const features::Encoder& encoder) {
  const Eigen::Index at = encoder.find(name);
  if (at >= 0) return static_cast<std::size_t>(at);
  std::vector<std::string> known;
  for (const features::EncodedVariable& variable : encoder.variables()) known.push_back(variable.name);
  throw core::ConfigurationError({.where = "surrogate.covariance",
                                  .expected = "one of the inputs " + core::listed(known),
                                  .received = core::quoted(name),
                                  .place = "inputs named by the model",
                                  .hint = core::nearest_hint(name, known)});
}

// Which columns of X are looked at; no names mean all.
std::vector<bool> kept_columns(const std::vector<std::string>& inputs, const std::vector<std::string>& without,
                               const features::Encoder& encoder) {
  std::vector<bool> out(static_cast<std::size_t>(encoder.p()), inputs.empty());
  for (const std::string& name : inputs) out[column_of(name, encoder)] = true;
  for (const std::string& name : without) out[column_of(name, encoder)] = false;
  return out;
}

}  // namespace

Covariance::Covariance(const ModelSpec& model, const features::Encoder& encoder)
    : inputs_(encoder.p()), layout_(encoder) {
  std::vector<std::ptrdiff_t> kept;
  resolve_factors(model, encoder, kept);
  resolve_terms(model, kept);
  if (model.noise_profile.used) {
    noise_profile_.emplace(model.noise_profile, encoder, layout_,
                           kept_columns(model.noise_profile.inputs, {}, encoder));
  }
  if (!model.warp.used || layout_.numeric().empty()) return;
  warp_.emplace(model.warp, encoder, layout_, std::ssize(hyperparameters_));
  const std::vector<Hyperparameter>& own = warp_->hyperparameters();
  hyperparameters_.insert(hyperparameters_.end(), own.begin(), own.end());
}

const Points& Covariance::seen(const Eigen::VectorXd& theta, const Points& points, Points& memory) const {
  if (!warp_) return points;
  memory = warp_->bent(theta, points);
  return memory;
}

void Covariance::resolve_factors(const ModelSpec& model, const features::Encoder& encoder,
                                 std::vector<std::ptrdiff_t>& kept) {
  for (const FactorSpec& spec : model.factors) {
    const KernelEntry& entry = kernel(spec.kind);
    const std::vector<bool> columns = kept_columns(spec.inputs, spec.without, encoder);
    const InputLayout own_inputs = layout_.only(columns);
    const bool numeric = !entry.of_categories && !own_inputs.numeric().empty();
    const bool categorical = (entry.of_categories || spec.with_categories) && !own_inputs.categorical().empty();
    const bool of_one = entry.kind == FactorKind::forgetting || entry.kind == FactorKind::coregionalisation;
    if (!numeric && !categorical && !of_one) {
      kept.push_back(-1);
      continue;
    }
    std::unique_ptr<Factor> factor = entry.make(spec, encoder, own_inputs, std::ssize(hyperparameters_));
    if (entry.kind == FactorKind::embedding && factor->hyperparameters().empty()) {
      kept.push_back(-1);  // every input has one category
      continue;
    }
    kept.push_back(static_cast<std::ptrdiff_t>(factors_.size()));
    factors_.push_back(std::move(factor));
    inputs_of_factor_.push_back(layout_.places(columns));
    const std::vector<Hyperparameter>& own = factors_.back()->hyperparameters();
    hyperparameters_.insert(hyperparameters_.end(), own.begin(), own.end());
  }
}

void Covariance::resolve_terms(const ModelSpec& model, const std::vector<std::ptrdiff_t>& kept) {
  for (const TermSpec& spec : model.terms) {
    Term term;
    for (const std::size_t factor : spec.factors) {
      if (kept.at(factor) >= 0) term.factors.push_back(static_cast<std::size_t>(kept[factor]));
    }
    std::sort(term.factors.begin(), term.factors.end());
    const bool known =
        std::any_of(terms_.begin(), terms_.end(), [&](const Term& t) { return t.factors == term.factors; });
    if (term.factors.empty() || known) continue;
    term.variance = static_cast<Eigen::Index>(hyperparameters_.size());
    hyperparameters_.push_back({"log_variance:" + spec.name, spec.variance});
    terms_.push_back(term);
  }
}

bool Covariance::stationary() const noexcept {
  return std::all_of(factors_.begin(), factors_.end(), [](const auto& factor) { return factor->stationary(); });
}

Eigen::MatrixXd Covariance::coordinates_of(std::size_t factor, const Eigen::VectorXd& theta, const Points& seen) const {
  Points memory;
  return factors_[factor]->coordinates(theta, inputs_of_factor_[factor].of(seen, memory));
}

void Covariance::add_input_gradient(std::size_t factor, const Eigen::VectorXd& theta, const Points& seen,
                                    const Eigen::MatrixXd& by_coordinates, Eigen::MatrixXd& by_numeric) const {
  const ChosenInputs& chosen = inputs_of_factor_[factor];
  if (chosen.all) return factors_[factor]->add_input_gradient(theta, seen, by_coordinates, by_numeric);
  Points memory;
  Eigen::MatrixXd own = Eigen::MatrixXd::Zero(by_numeric.rows(), std::ssize(chosen.numeric));
  factors_[factor]->add_input_gradient(theta, chosen.of(seen, memory), by_coordinates, own);
  for (std::size_t k = 0; k < chosen.numeric.size(); ++k) {
    by_numeric.col(chosen.numeric[k]) += own.col(static_cast<Eigen::Index>(k));
  }
}

Covariance::Coordinates Covariance::coordinates(const Eigen::VectorXd& theta, const Points& points) const {
  Points memory;
  const Points& seen = this->seen(theta, points, memory);
  Coordinates out{points.count(), {}};
  for (std::size_t f = 0; f < factors_.size(); ++f) out.of_factor.push_back(coordinates_of(f, theta, seen));
  return out;
}

Eigen::VectorXd Covariance::variances(const Eigen::VectorXd& theta) const {
  Eigen::VectorXd out(static_cast<Eigen::Index>(terms_.size()));
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    out(static_cast<Eigen::Index>(t)) = std::exp(theta(terms_[t].variance));
  }
  return out;
}

void Covariance::term_column(const Term& term, std::size_t by, const std::vector<FactorMatrix>& factors,
                             Eigen::Index column, double variance, Column out) const {
  bool started = false;
  const auto times = [&](const auto& values, double scale) {
    if (started) {
      out.array() *= scale * values.array();
    } else {
      out = scale * values;
      started = true;
    }
  };
  double scale = variance;
  for (const std::size_t f : term.factors) {
    const FactorMatrix& matrix = factors[f];
    if (f != by) {
      times(matrix.value.col(column).tail(out.size()), scale);
    } else if (!factors_[f]->stationary()) {
      continue;  // the derivative by its inner product is what the other factors are
    } else if (factors_[f]->own_slope()) {
      times(matrix.slope.col(column).tail(out.size()), scale);
    } else {
      times(matrix.value.col(column).tail(out.size()), -0.5 * scale);
    }
    scale = 1.0;
  }
  if (!started) out.setConstant(variance);
}

void Covariance::value_column(const Eigen::VectorXd& variances, const std::vector<FactorMatrix>& factors,
                              Eigen::Index column, Column scratch, Column out) const {
  if (terms_.empty()) out.setZero();
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    Column into = t == 0 ? out : scratch;
    term_column(terms_[t], none, factors, column, variances(static_cast<Eigen::Index>(t)), into);
    if (t > 0) out += scratch;
  }
}

void Covariance::factor_column(const Eigen::VectorXd& variances, std::size_t f,
                               const std::vector<FactorMatrix>& factors, Eigen::Index column, Column scratch,
                               Column out) const {
  bool started = false;
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Term& term = terms_[t];
    if (std::find(term.factors.begin(), term.factors.end(), f) == term.factors.end()) continue;
    const double variance = variances(static_cast<Eigen::Index>(t));
    if (!started) {
      term_column(term, f, factors, column, variance, out);
      started = true;
    } else {
      term_column(term, f, factors, column, variance, scratch);
      out += scratch;
    }
  }
  if (!started) out.setZero();
}

void Covariance::evaluate_lower(const Eigen::VectorXd& theta, const Points& points, Workspace& work,
                                Eigen::MatrixXd& out) const {
  const Eigen::Index n = points.count();
  work.coordinates = coordinates(theta, points);
  work.factors.resize(factors_.size());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    work.factors[f].value.resize(n, n);
    if (factors_[f]->own_slope()) work.factors[f].slope.resize(n, n);
  }
  out.resize(n, n);
  const Eigen::VectorXd variances = this->variances(theta);
  for_each_panel(n, [&](Eigen::Index panel) {
    const Eigen::Index first = panel * panel_columns;
    const Eigen::Index count = std::min(panel_columns, n - first);
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      FactorMatrix& matrix = work.factors[f];
      const Eigen::MatrixXd& z = work.coordinates.of_factor[f];
      factors_[f]->evaluate(z.bottomRows(n - first), z.middleRows(first, count), true,
                            matrix.value.block(first, first, n - first, count),
                            matrix.slope.size() > 0 ? &matrix.slope(first, first) : nullptr, n);
    }
    Eigen::VectorXd scratch(n - first);
    for (Eigen::Index j = first; j < first + count; ++j) {
      value_column(variances, work.factors, j, scratch.head(n - j), out.col(j).tail(n - j));
    }
  });
}

Covariance::Cross Covariance::cross(const Eigen::VectorXd& theta, const Coordinates& data, Points points) const {
  Cross out;
  out.points = std::move(points);
  out.coordinates = coordinates(theta, out.points);
  out.data = &data;
  out.factors.resize(factors_.size());
  const Eigen::Index n = data.count;
  const Eigen::Index q = out.points.count();
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    FactorMatrix& matrix = out.factors[f];
    matrix.value.resize(n, q);
    if (factors_[f]->own_slope()) matrix.slope.resize(n, q);
    factors_[f]->evaluate(data.of_factor[f], out.coordinates.of_factor[f], false, matrix.value,
                          matrix.slope.size() > 0 ? matrix.slope.data() : nullptr, n);
  }
  out.value.resize(n, q);
  const Eigen::VectorXd variances = this->variances(theta);
  Eigen::VectorXd scratch(n);
  for (Eigen::Index j = 0; j < q; ++j) {
    value_column(variances, out.factors, j, scratch, out.value.col(j));
  }
  return out;
}

std::vector<Eigen::MatrixXd> Covariance::input_gradients(
    const Eigen::VectorXd& theta, const Cross& cross, const std::vector<const Eigen::MatrixXd*>& coefficients) const {
  const SimdTable& loops = simd_table();
  const Eigen::Index n = cross.value.rows();
  const Eigen::Index q = cross.value.cols();
  const Eigen::VectorXd variances = this->variances(theta);
  Points memory;
  const Points& seen = this->seen(theta, cross.points, memory);
  std::vector<Eigen::MatrixXd> by_numeric(coefficients.size(), Eigen::MatrixXd::Zero(q, layout_.numeric_count()));
  Eigen::VectorXd slope(n);
  Eigen::VectorXd scratch(n);
  Eigen::VectorXd here;
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    if (factors_[f]->of_categories()) continue;
    const Eigen::MatrixXd& z = cross.data->of_factor[f];
    const bool stationary = factors_[f]->stationary();
    std::vector<Eigen::MatrixXd> by_coordinates(coefficients.size(), Eigen::MatrixXd::Zero(z.cols(), q));
    for (Eigen::Index i = 0; i < q; ++i) {
      factor_column(variances, f, cross.factors, i, scratch, slope);
      here = stationary ? Eigen::VectorXd(cross.coordinates.of_factor[f].row(i)) : Eigen::VectorXd::Zero(z.cols());
      for (std::size_t k = 0; k < coefficients.size(); ++k) {
        scratch = slope.cwiseProduct(coefficients[k]->col(i));
        loops.pull(static_cast<std::size_t>(n), static_cast<std::size_t>(z.cols()), z.data(),
                   static_cast<std::size_t>(n), here.data(), scratch.data(), by_coordinates[k].col(i).data());
      }
    }
    const double scale = stationary ? 2.0 : -1.0 / static_cast<double>(std::max<Eigen::Index>(z.cols(), 1));
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
      add_input_gradient(f, theta, seen, scale * by_coordinates[k].transpose(), by_numeric[k]);
    }
  }
  std::vector<Eigen::MatrixXd> out;
  for (Eigen::MatrixXd& each : by_numeric) {
    if (warp_) warp_->unbend(theta, cross.points, each);
    out.emplace_back(Eigen::MatrixXd::Zero(q, inputs_));
    layout_.scatter(each, out.back());
  }
  return out;
}

Eigen::MatrixXd Covariance::input_gradient(const Eigen::VectorXd& theta, const Points& points,
                                           const std::vector<Eigen::MatrixXd>& by_coordinates) const {
  Points memory;
  const Points& seen = this->seen(theta, points, memory);
  Eigen::MatrixXd by_numeric = Eigen::MatrixXd::Zero(points.count(), layout_.numeric_count());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    if (!factors_[f]->of_categories()) add_input_gradient(f, theta, seen, by_coordinates[f], by_numeric);
  }
  if (warp_) warp_->unbend(theta, points, by_numeric);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(points.count(), inputs_);
  layout_.scatter(by_numeric, out);
  return out;
}

Eigen::VectorXd Covariance::diagonal(const Eigen::VectorXd& theta, const Points& points) const {
  Points memory;
  const Points& seen = this->seen(theta, points, memory);
  Eigen::VectorXd out = Eigen::VectorXd::Zero(points.count());
  for (const Term& term : terms_) {
    Eigen::VectorXd values = Eigen::VectorXd::Constant(points.count(), std::exp(theta(term.variance)));
    for (const std::size_t f : term.factors) {
      if (factors_[f]->stationary()) continue;
      const Eigen::MatrixXd z = coordinates_of(f, theta, seen);
      values.array() *= z.rowwise().squaredNorm().array() / static_cast<double>(std::max<Eigen::Index>(z.cols(), 1));
    }
    out += values;
  }
  return out;
}

Eigen::MatrixXd Covariance::diagonal_gradient(const Eigen::VectorXd& theta, const Points& points) const {
  // Stationary factors are 1 on the diagonal; of the others all but the one that moves stay as they are.
  Eigen::MatrixXd by_numeric = Eigen::MatrixXd::Zero(points.count(), layout_.numeric_count());
  Points memory;
  const Points& seen = this->seen(theta, points, memory);
  for (const Term& term : terms_) {
    for (const std::size_t f : term.factors) {
      if (factors_[f]->stationary()) continue;
      Eigen::MatrixXd z = coordinates_of(f, theta, seen);
      z *= 2.0 * std::exp(theta(term.variance)) / static_cast<double>(std::max<Eigen::Index>(z.cols(), 1));
      for (const std::size_t other : term.factors) {
        if (other != f && !factors_[other]->stationary()) {
          const Eigen::MatrixXd still = coordinates_of(other, theta, seen);
          z.array().colwise() *= still.rowwise().squaredNorm().array() / static_cast<double>(still.cols());
        }
      }
      add_input_gradient(f, theta, seen, z, by_numeric);
    }
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(points.count(), inputs_);
  if (warp_) warp_->unbend(theta, points, by_numeric);
  layout_.scatter(by_numeric, out);
  return out;
}

}  // namespace luban::surrogate::detail
