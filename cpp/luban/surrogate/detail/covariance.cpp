#include <luban/surrogate/detail/covariance.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);
constexpr Eigen::Index panel_columns = 64;           // worked on by one task; fixed, so threads change no sum
constexpr Eigen::Index least_parallel_points = 150;  // below, waking a thread takes longer than it saves

Eigen::Index panel_count(Eigen::Index n) {
  return (n + panel_columns - 1) / panel_columns;
}

template <typename Body>
void for_each_panel(Eigen::Index n, Body body) {
  const auto panels = static_cast<std::size_t>(panel_count(n));
  const int threads = n < least_parallel_points ? 1 : parallel::concurrency();
  parallel::for_each_index(
      panels, [&](std::size_t p) { body(static_cast<Eigen::Index>(p)); }, threads);
}

}  // namespace

Covariance::Covariance(const ModelSpec& model, const features::Encoder& encoder)
    : inputs_(encoder.p()), layout_(encoder) {
  std::vector<std::ptrdiff_t> kept;
  resolve_factors(model, encoder, kept);
  resolve_terms(model, kept);
}

void Covariance::resolve_factors(const ModelSpec& model, const features::Encoder& encoder,
                                 std::vector<std::ptrdiff_t>& kept) {
  for (const FactorSpec& spec : model.factors) {
    const KernelEntry& entry = kernel(spec.kind);
    const bool numeric = !entry.of_categories && !layout_.numeric().empty();
    const bool categorical = (entry.of_categories || spec.with_categories) && !layout_.categorical().empty();
    if (!numeric && !categorical) {
      kept.push_back(-1);
      continue;
    }
    kept.push_back(static_cast<std::ptrdiff_t>(factors_.size()));
    factors_.push_back(entry.make(spec, encoder, layout_, static_cast<Eigen::Index>(hyperparameters_.size())));
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

Covariance::Coordinates Covariance::coordinates(const Eigen::VectorXd& theta, const Points& points) const {
  Coordinates out{points.count(), {}};
  for (const auto& factor : factors_) out.of_factor.push_back(factor->coordinates(theta, points));
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

void Covariance::add_panel_gradient(const Eigen::VectorXd& variances, const Workspace& work,
                                    const Eigen::MatrixXd& inverse, const Eigen::VectorXd& alpha, Eigen::Index panel,
                                    Eigen::VectorXd& terms, std::vector<Eigen::VectorXd>& spreads) const {
  const SimdTable& loops = simd_table();
  const Eigen::Index n = inverse.rows();
  const Eigen::Index first = panel * panel_columns;
  Eigen::VectorXd w(n - first);
  Eigen::VectorXd m(n - first);
  Eigen::VectorXd scratch(n - first);
  Eigen::VectorXd here;
  for (Eigen::Index j = first; j < std::min(first + panel_columns, n); ++j) {
    const Eigen::Index rows = n - j;
    // Twice W below the diagonal: each pair counts for both of its entries.
    auto weight = w.head(rows);
    weight = alpha(j) * alpha.tail(rows) - inverse.col(j).tail(rows);
    weight(0) *= 0.5;
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const auto at = static_cast<Eigen::Index>(t);
      term_column(terms_[t], none, work.factors, j, variances(at), m.head(rows));
      terms(at) += m.head(rows).dot(weight);
    }
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      if (!factors_[f]->stationary()) continue;
      factor_column(variances, f, work.factors, j, scratch.head(rows), m.head(rows));
      m.head(rows).array() *= weight.array();
      const Eigen::MatrixXd& z = work.coordinates.of_factor[f];
      here = z.row(j).transpose();
      loops.spread(static_cast<std::size_t>(rows), static_cast<std::size_t>(z.cols()), &z(j, 0),
                   static_cast<std::size_t>(n), here.data(), m.data(), spreads[f].data());
    }
  }
}

void Covariance::add_gradient(const Eigen::VectorXd& theta, const Workspace& work, const Eigen::MatrixXd& inverse,
                              const Eigen::VectorXd& alpha, Eigen::VectorXd& gradient) const {
  const Eigen::Index n = inverse.rows();
  const Eigen::VectorXd variances = this->variances(theta);
  struct Partial {
    Eigen::VectorXd terms;
    std::vector<Eigen::VectorXd> spreads;
  };
  Partial sum{Eigen::VectorXd::Zero(variances.size()), {}};
  for (const Eigen::MatrixXd& z : work.coordinates.of_factor) sum.spreads.emplace_back(Eigen::VectorXd::Zero(z.cols()));
  std::vector<Partial> partial(static_cast<std::size_t>(panel_count(n)), sum);
  for_each_panel(n, [&](Eigen::Index panel) {
    Partial& own = partial[static_cast<std::size_t>(panel)];
    add_panel_gradient(variances, work, inverse, alpha, panel, own.terms, own.spreads);
  });
  for (const Partial& own : partial) {
    sum.terms += own.terms;
    for (std::size_t f = 0; f < factors_.size(); ++f) sum.spreads[f] += own.spreads[f];
  }
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    gradient(terms_[t].variance) += sum.terms(static_cast<Eigen::Index>(t));
  }
  for (std::size_t f = 0; f < factors_.size(); ++f) factors_[f]->add_gradient_of_spread(sum.spreads[f], gradient);
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
      factors_[f]->add_input_gradient(theta, cross.points, scale * by_coordinates[k].transpose(), by_numeric[k]);
    }
  }
  std::vector<Eigen::MatrixXd> out;
  for (const Eigen::MatrixXd& each : by_numeric) {
    out.emplace_back(Eigen::MatrixXd::Zero(q, inputs_));
    layout_.scatter(each, out.back());
  }
  return out;
}

Eigen::VectorXd Covariance::diagonal(const Eigen::VectorXd& theta, const Points& points) const {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(points.count());
  for (const Term& term : terms_) {
    Eigen::VectorXd values = Eigen::VectorXd::Constant(points.count(), std::exp(theta(term.variance)));
    for (const std::size_t f : term.factors) {
      if (factors_[f]->stationary()) continue;
      const Eigen::MatrixXd z = factors_[f]->coordinates(theta, points);
      values.array() *= z.rowwise().squaredNorm().array() / static_cast<double>(std::max<Eigen::Index>(z.cols(), 1));
    }
    out += values;
  }
  return out;
}

Eigen::MatrixXd Covariance::diagonal_gradient(const Eigen::VectorXd& theta, const Points& points) const {
  // Stationary factors are 1 on the diagonal, so a term's only moving part is a linear factor (at most one is useful).
  Eigen::MatrixXd by_numeric = Eigen::MatrixXd::Zero(points.count(), layout_.numeric_count());
  for (const Term& term : terms_) {
    for (const std::size_t f : term.factors) {
      if (factors_[f]->stationary()) continue;
      const Eigen::MatrixXd z = factors_[f]->coordinates(theta, points);
      const double scale =
          2.0 * std::exp(theta(term.variance)) / static_cast<double>(std::max<Eigen::Index>(z.cols(), 1));
      factors_[f]->add_input_gradient(theta, points, scale * z, by_numeric);
    }
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(points.count(), inputs_);
  layout_.scatter(by_numeric, out);
  return out;
}

}  // namespace luban::surrogate::detail
