#include <luban/surrogate/detail/chi_squared.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace luban::surrogate::detail {

double chi_squared_tail(Eigen::Index degrees, double x) {
  const double half = 0.5 * x;
  const bool odd = degrees % 2 == 1;
  double sum = odd ? std::erfc(std::sqrt(half)) : 0.0;
  double term = std::exp(-half) * (odd ? 2.0 * std::sqrt(half * std::numbers::inv_pi) : 1.0);
  double divisor = odd ? 1.5 : 1.0;
  for (Eigen::Index k = odd ? 1 : 0; k + 1 < degrees; k += 2) {
    sum += term;
    term *= half / divisor;
    divisor += 1.0;
  }
  return std::min(sum, 1.0);
}

}  // namespace luban::surrogate::detail
