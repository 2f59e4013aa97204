#include <luban/recommend/detail/signomial.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

namespace luban::recommend::detail {
namespace {

constexpr double narrowest_band = 1e-6;     ///< of its bound; a search stays 1e-7 inside either side
constexpr double least_scale = 1e-6;        ///< of the magnitude: below, a bound is lost in the sum's rounding
constexpr double least_base = 1e-9;         ///< of the width: where a root's slope is taken at 0
constexpr double least_magnitude = 1e-300;  ///< of terms that vanish together

template <typename Columns>
std::vector<Eigen::Index> sorted(const Columns& columns) {
  const std::set<Eigen::Index> once(columns.begin(), columns.end());
  return {once.begin(), once.end()};
}

}  // namespace

double Signomial::Power::base(const CodedRow& x) const {
  const double number = low + width * x(column);
  // A root at the end of a range that begins at 0: scaling may miss it by the last digit.
  return exponent == std::round(exponent) ? number : std::max(number, 0.0);
}

double Signomial::Term::value(const CodedRow& x) const {
  double out = factor;
  for (const Power& power : powers) out *= process::power(power.base(x), power.exponent);
  return out;
}

Signomial::Signomial(const features::Encoder& encoder, const std::vector<process::Monomial>& sum) {
  std::vector<Eigen::Index> columns;
  for (const process::Monomial& monomial : sum) {
    Term term{monomial.factor, {}};
    for (const auto& [name, exponent] : monomial.product) {
      const Eigen::Index column = encoder.find(name);
      const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(column)];
      term.powers.push_back(
          {column, variable.low, variable.high > variable.low ? variable.high - variable.low : 1.0, exponent});
      columns.push_back(column);
    }
    terms_.push_back(std::move(term));
  }
  columns_ = sorted(columns);
}

double Signomial::value(const CodedRow& x) const {
  double out = 0.0;
  for (const Term& term : terms_) out += term.value(x);
  return out;
}

double Signomial::magnitude(const CodedRow& x) const {
  double out = 0.0;
  for (const Term& term : terms_) out += std::abs(term.value(x));
  return out;
}

void Signomial::Term::add_gradient(const CodedRow& x, double weight, CodedSlopes& into) const {
  for (std::size_t k = 0; k < powers.size(); ++k) {
    const Power& by = powers[k];
    double slope = weight * factor * by.width;
    if (by.exponent != 1.0) {
      double base = by.base(x);
      if (by.exponent < 1.0 && by.exponent > 0.0) base = std::max(base, least_base * by.width);
      slope *= by.exponent * process::power(base, by.exponent - 1.0);
    }
    for (std::size_t j = 0; j < powers.size(); ++j) {
      if (j != k) slope *= process::power(powers[j].base(x), powers[j].exponent);
    }
    into(by.column) += slope;
  }
}

void Signomial::add_gradient(const CodedRow& x, double weight, CodedSlopes into) const {
  for (const Term& term : terms_) term.add_gradient(x, weight, into);
}

void Signomial::add_magnitude_gradient(const CodedRow& x, double weight, CodedSlopes into) const {
  for (const Term& term : terms_) term.add_gradient(x, term.value(x) < 0.0 ? -weight : weight, into);
}

std::string stranger_in(const std::vector<process::Monomial>& sum, const features::Encoder& encoder) {
  for (const process::Monomial& monomial : sum) {
    for (const auto& [name, exponent] : monomial.product) {
      const Eigen::Index column = encoder.find(name);
      if (column < 0 || !encoder.variables()[static_cast<std::size_t>(column)].is_numeric()) return name;
    }
  }
  return {};
}

double SignomialSet::Relation::excess(const CodedRow& x, bool above) const {
  const double scale = above ? upper_scale : lower_scale;
  const double size = scale > 0.0 ? scale : std::max(sum.magnitude(x), least_magnitude);
  return (above ? sum.value(x) - upper : lower - sum.value(x)) / size;
}

void SignomialSet::Relation::add_excess_gradient(const CodedRow& x, bool above, CodedSlopes into) const {
  const double sign = above ? 1.0 : -1.0;
  const double scale = above ? upper_scale : lower_scale;
  if (scale > 0.0) return sum.add_gradient(x, sign / scale, into);
  const double size = std::max(sum.magnitude(x), least_magnitude);  // (v / m)' = (v' − (v / m) m') / m
  sum.add_gradient(x, sign / size, into);
  sum.add_magnitude_gradient(x, -excess(x, above) / size, into);
}

double SignomialSet::Relation::violation(const CodedRow& x) const {
  if (!std::isfinite(sum.value(x))) return std::numeric_limits<double>::infinity();
  return std::max({0.0, std::isfinite(lower) ? excess(x, false) : 0.0, std::isfinite(upper) ? excess(x, true) : 0.0});
}

SignomialSet::SignomialSet(const features::Encoder& encoder,
                           const std::vector<process::SignomialConstraint>& constraints,
                           const Eigen::VectorXd& centre) {
  std::vector<Relation> others;
  std::vector<Eigen::Index> columns;
  for (const process::SignomialConstraint& constraint : constraints) {
    Relation relation{.sum = {encoder, constraint.sum}, .stated = constraint};
    double magnitude = relation.sum.magnitude(centre);
    if (!std::isfinite(magnitude) || magnitude < least_magnitude) magnitude = 1.0;
    const auto scale = [&](double bound) { return std::max(std::abs(bound), least_scale * magnitude); };
    relation.lower = constraint.lower;
    relation.upper = constraint.upper;
    relation.lower_scale = std::isfinite(constraint.lower) ? scale(constraint.lower) : 1.0;
    relation.upper_scale = std::isfinite(constraint.upper) ? scale(constraint.upper) : 1.0;
    if (relation.upper - relation.lower <= narrowest_band * std::min(relation.lower_scale, relation.upper_scale)) {
      relation.lower = relation.upper = 0.5 * (relation.lower + relation.upper);
    }
    if (relation.lower == 0.0) relation.lower_scale = 0.0;
    if (relation.upper == 0.0) relation.upper_scale = 0.0;
    columns.insert(columns.end(), relation.sum.columns().begin(), relation.sum.columns().end());
    if (relation.equality()) {
      relations_.push_back(std::move(relation));
      ++equalities_;
    } else {
      sides_ += (std::isfinite(relation.lower) ? 1 : 0) + (std::isfinite(relation.upper) ? 1 : 0);
      others.push_back(std::move(relation));
    }
  }
  std::move(others.begin(), others.end(), std::back_inserter(relations_));
  columns_ = sorted(columns);
}

Eigen::VectorXd SignomialSet::constraints(const CodedRow& x) const {
  Eigen::VectorXd out(size());
  Eigen::Index row = 0;
  for (const Relation& relation : relations_) {
    if (std::isfinite(relation.upper)) out(row++) = relation.excess(x, true);
    if (std::isfinite(relation.lower) && !relation.equality()) out(row++) = relation.excess(x, false);
  }
  return out;
}

Eigen::MatrixXd SignomialSet::jacobian(const CodedRow& x) const {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(size(), x.size());
  Eigen::Index row = 0;
  for (const Relation& relation : relations_) {
    if (std::isfinite(relation.upper)) relation.add_excess_gradient(x, true, out.row(row++));
    if (std::isfinite(relation.lower) && !relation.equality()) relation.add_excess_gradient(x, false, out.row(row++));
  }
  return out;
}

double SignomialSet::violation(const CodedRow& x) const {
  double out = 0.0;
  for (const Relation& relation : relations_) out = std::max(out, relation.violation(x));
  return out;
}

}  // namespace luban::recommend::detail
