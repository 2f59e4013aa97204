#include <luban/process/constraint.hpp>

#include <cmath>
#include <set>

#include <luban/core/text.hpp>

#include "detail/monomials.hpp"
#include "detail/refuse.hpp"

namespace luban::process {

using core::number_text;
using core::quoted;

namespace {

void require_bounds(double lower, double upper, const detail::Refuse& refuse) {
  if (std::isnan(lower) || std::isnan(upper)) refuse("bounds that are numbers", "NaN");
  if (!std::isfinite(lower) && !std::isfinite(upper)) refuse("a lower or an upper bound", "neither");
  if (lower > upper) {
    refuse("lower at most upper", "lower " + number_text(lower) + ", upper " + number_text(upper),
           "are the two swapped?");
  }
}

/// "width height^-1", without the factor; "" for a constant.
std::string text_of(const Monomial& monomial) {
  std::string out;
  for (const auto& [parameter, exponent] : monomial.product) {
    if (!out.empty()) out += " ";
    out += parameter;
    if (exponent != 1.0) out += "^" + number_text(exponent);
  }
  return out;
}

}  // namespace

std::string ParameterConstraint::text() const {
  std::string out;
  if (std::isfinite(lower)) out += number_text(lower) + " <= ";
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const auto& [parameter, coefficient] = sum[i];
    const double size = std::abs(coefficient);
    if (i > 0) out += coefficient < 0.0 ? " - " : " + ";
    if (i == 0 && coefficient < 0.0) out += "-";
    if (size != 1.0) out += number_text(size) + " ";
    out += parameter;
  }
  if (std::isfinite(upper)) out += " <= " + number_text(upper);
  return out;
}

void ParameterConstraint::validate() const {
  const detail::Refuse refuse{.where = "process.ParameterConstraint", .place = "parameter constraint " + text()};
  if (sum.empty()) refuse("at least one parameter in the sum", "none");
  std::set<std::string> seen;
  for (const auto& [parameter, coefficient] : sum) {
    if (!std::isfinite(coefficient) || coefficient == 0.0) {
      refuse("a coefficient that is finite and not 0", quoted(parameter) + ": " + number_text(coefficient));
    }
    if (!seen.insert(parameter).second) refuse("each parameter once in the sum", quoted(parameter) + " twice");
  }
  require_bounds(lower, upper, refuse);
}

double power(double base, double exponent) {
  if (exponent == 1.0) return base;
  if (exponent == 2.0) return base * base;
  if (exponent == -1.0) return 1.0 / base;
  if (exponent == 0.5) return std::sqrt(base);
  return std::pow(base, exponent);
}

double value_of(const std::vector<Monomial>& sum, const NumberOf& number_of) {
  double out = 0.0;
  for (const Monomial& monomial : sum) {
    double value = monomial.factor;
    for (const auto& [parameter, exponent] : monomial.product) value *= power(number_of(parameter), exponent);
    out += value;
  }
  return out;
}

std::string SignomialConstraint::text() const {
  std::string out;
  const bool equality = lower == upper;
  if (std::isfinite(lower) && !equality) out += number_text(lower) + " <= ";
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::string powers = text_of(sum[i]);
    const double size = std::abs(sum[i].factor);
    if (i > 0) out += sum[i].factor < 0.0 ? " - " : " + ";
    if (i == 0 && sum[i].factor < 0.0) out += "-";
    if (size != 1.0 || powers.empty()) out += number_text(size) + (powers.empty() ? "" : " ");
    out += powers;
  }
  if (std::isfinite(upper)) out += (equality ? " = " : " <= ") + number_text(upper);
  return out;
}

void SignomialConstraint::validate() const {
  const detail::Refuse refuse{.where = "process.SignomialConstraint", .place = "constraint " + text()};
  detail::require_sum(sum, refuse);
  require_bounds(lower, upper, refuse);
}

namespace detail {

void require_sum(const std::vector<Monomial>& sum, const Refuse& refuse) {
  bool varies = false;
  for (const auto& [product, factor] : sum) {
    if (!std::isfinite(factor) || factor == 0.0) refuse("a factor that is finite and not 0", number_text(factor));
    std::set<std::string> seen;
    bool plain = true;  // a list of names may repeat one: a square
    bool twice = false;
    for (const auto& [parameter, exponent] : product) {
      if (!std::isfinite(exponent) || exponent == 0.0) {
        refuse("an exponent that is finite and not 0", quoted(parameter) + ": " + number_text(exponent));
      }
      plain = plain && exponent == 1.0;
      twice = !seen.insert(parameter).second || twice;
    }
    if (twice && !plain) refuse("each parameter once in a product with exponents", "one of them twice");
    varies = varies || !product.empty();
  }
  if (!varies) refuse("at least one parameter in the product", "none");
}

void require_powers(const std::vector<Monomial>& sum, const RangeOf& range_of, const Refuse& refuse) {
  for (const Monomial& monomial : sum) {
    for (const auto& [parameter, exponent] : monomial.product) {
      const Variable& range = range_of(parameter);
      const bool whole = exponent == std::round(exponent);
      const bool fits = exponent < 0.0 ? range.low > 0.0 : whole || range.low >= 0.0;
      if (fits) continue;
      refuse("a range of " + quoted(parameter) + (exponent < 0.0 ? " above 0" : " not below 0") +
                 ", whose exponent is " + number_text(exponent),
             "[" + number_text(range.low) + ", " + number_text(range.high) + "]",
             exponent < 0.0 ? "a power below 0 has no value at 0: raise `low`, or write the relation without it"
                            : "a broken power has no value below 0: raise `low`, or take a whole exponent");
    }
  }
}

}  // namespace detail

void Tolerance::validate() const {
  const detail::Refuse refuse{.where = "process.Tolerance", .place = "tolerance of " + quoted(parameter)};
  if (!std::isfinite(sd) || sd <= 0.0) refuse("a standard deviation above 0", number_text(sd));
}

}  // namespace luban::process
