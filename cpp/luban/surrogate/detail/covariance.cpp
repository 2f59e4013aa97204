#include <luban/surrogate/detail/covariance.hpp>

#include <algorithm>
#include <cmath>

#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

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
    const bool categorical = spec.kind == FactorKind::categorical;
    const std::vector<Eigen::Index>& columns = categorical ? layout_.categorical() : layout_.numeric();
    if (columns.empty()) {
      kept.push_back(-1);
      continue;
    }
    kept.push_back(static_cast<std::ptrdiff_t>(factors_.size()));
    const Factor factor(spec, layout_, static_cast<Eigen::Index>(hyperparameters_.size()));
    for (Eigen::Index k = 0; k < factor.parameter_count(); ++k) {
      const std::string which =
          spec.isotropic ? "all"
                         : encoder.variables()[static_cast<std::size_t>(columns[static_cast<std::size_t>(k)])].name;
      hyperparameters_.push_back({"log_length:" + spec.name + ":" + which, spec.length});
    }
    factors_.push_back(factor);
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
  return std::all_of(factors_.begin(), factors_.end(), [](const Factor& factor) { return factor.stationary(); });
}

void Covariance::term_column(const Term& term, std::size_t without, const std::vector<FactorMatrix>& factors,
                             Eigen::Index column, Eigen::Index first_row, Eigen::VectorXd& out) const {
  const Eigen::Index count = out.size() - first_row;
  bool started = false;
  for (const std::size_t f : term.factors) {
    if (f == without) continue;
    const auto values = factors[f].value.col(column).tail(count);
    if (started) {
      out.tail(count).array() *= values.array();
    } else {
      out.tail(count) = values;
      started = true;
    }
  }
  if (!started) out.tail(count).setOnes();
}

void Covariance::evaluate_lower(const Eigen::VectorXd& theta, const Points& points, Workspace& work,
                                Eigen::MatrixXd& out) const {
  const Eigen::Index n = points.count();
  work.scaled.resize(factors_.size());
  work.factors.resize(factors_.size());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    work.scaled[f] = factors_[f].scaled(theta, points);
    factors_[f].evaluate_lower(work.scaled[f], work.factors[f]);
  }
  out.resize(n, n);
  Eigen::VectorXd column(n);
  for (Eigen::Index j = 0; j < n; ++j) {
    out.col(j).tail(n - j).setZero();
    for (const Term& term : terms_) {
      term_column(term, none, work.factors, j, j, column);
      out.col(j).tail(n - j) += std::exp(theta(term.variance)) * column.tail(n - j);
    }
  }
}

void Covariance::add_gradient(const Eigen::VectorXd& theta, Workspace& work, const Eigen::MatrixXd& w,
                              Eigen::VectorXd& gradient) const {
  const Eigen::Index n = w.rows();
  Eigen::VectorXd column(n);
  for (const Term& term : terms_) {
    double sum = 0.0;
    for (Eigen::Index j = 0; j < n; ++j) {
      term_column(term, none, work.factors, j, j, column);
      sum += 2.0 * column.tail(n - j).dot(w.col(j).tail(n - j)) - column(j) * w(j, j);
    }
    gradient(term.variance) += std::exp(theta(term.variance)) * sum;
  }
  Eigen::MatrixXd& m = work.slope_coefficient;
  m.resize(n, n);
  Eigen::VectorXd total(n);
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    if (!factors_[f].stationary()) continue;
    for (Eigen::Index j = 0; j < n; ++j) {
      total.tail(n - j).setZero();
      for (const Term& term : terms_) {
        if (std::find(term.factors.begin(), term.factors.end(), f) == term.factors.end()) continue;
        term_column(term, f, work.factors, j, j, column);
        total.tail(n - j) += std::exp(theta(term.variance)) * column.tail(n - j);
      }
      factors_[f].times_slope(work.factors[f], j, j, total);
      m.col(j).tail(n - j) = total.tail(n - j).cwiseProduct(w.col(j).tail(n - j));
    }
    mirror_lower(m);
    factors_[f].add_parameter_gradient(work.scaled[f], m, gradient);
  }
}

Covariance::Cross Covariance::cross(const Eigen::VectorXd& theta, const Points& rows, const Points& columns) const {
  Cross out;
  out.factors.resize(factors_.size());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    out.scaled_rows.push_back(factors_[f].scaled(theta, rows));
    out.scaled_columns.push_back(factors_[f].scaled(theta, columns));
    factors_[f].evaluate_cross(out.scaled_rows[f], out.scaled_columns[f], out.factors[f]);
  }
  out.value = Eigen::MatrixXd::Zero(rows.count(), columns.count());
  Eigen::VectorXd column(rows.count());
  for (Eigen::Index j = 0; j < columns.count(); ++j) {
    for (const Term& term : terms_) {
      term_column(term, none, out.factors, j, 0, column);
      out.value.col(j) += std::exp(theta(term.variance)) * column;
    }
  }
  return out;
}

Eigen::MatrixXd Covariance::input_gradient(const Eigen::VectorXd& theta, const Cross& cross,
                                           const Eigen::MatrixXd& coefficient) const {
  const Eigen::Index q = cross.value.rows();
  Eigen::MatrixXd by_numeric = Eigen::MatrixXd::Zero(q, layout_.numeric_count());
  Eigen::MatrixXd m(q, cross.value.cols());
  Eigen::VectorXd column(q);
  Eigen::VectorXd total(q);
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    for (Eigen::Index j = 0; j < m.cols(); ++j) {
      total.setZero();
      for (const Term& term : terms_) {
        if (std::find(term.factors.begin(), term.factors.end(), f) == term.factors.end()) continue;
        term_column(term, f, cross.factors, j, 0, column);
        total += std::exp(theta(term.variance)) * column;
      }
      if (factors_[f].stationary()) factors_[f].times_slope(cross.factors[f], j, 0, total);
      m.col(j) = total.cwiseProduct(coefficient.col(j));
    }
    factors_[f].add_input_gradient(theta, cross.scaled_rows[f], cross.scaled_columns[f], m, by_numeric);
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q, inputs_);
  layout_.scatter(by_numeric, out);
  return out;
}

Eigen::VectorXd Covariance::diagonal(const Eigen::VectorXd& theta, const Points& points) const {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(points.count());
  for (const Term& term : terms_) {
    Eigen::VectorXd values = Eigen::VectorXd::Constant(points.count(), std::exp(theta(term.variance)));
    for (const std::size_t f : term.factors) {
      if (!factors_[f].stationary()) {
        values.array() *= factors_[f].diagonal(factors_[f].scaled(theta, points)).array();
      }
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
      if (factors_[f].stationary()) continue;
      const Eigen::VectorXd coefficient = Eigen::VectorXd::Constant(points.count(), std::exp(theta(term.variance)));
      factors_[f].add_diagonal_input_gradient(factors_[f].scaled(theta, points), coefficient, by_numeric);
    }
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(points.count(), inputs_);
  layout_.scatter(by_numeric, out);
  return out;
}

}  // namespace luban::surrogate::detail
