#include <cmath>

#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate {

double Prior::log_density(double log_value, double& slope) const {
  const double z = (log_value - a) / b;
  switch (kind) {
    case Kind::log_normal:
      slope = -1.0 - z / b;
      return -log_value - 0.5 * z * z;
    case Kind::normal_log:
      slope = -z / b;
      return -0.5 * z * z;
    case Kind::gamma: {
      const double value = std::exp(log_value);
      slope = a - 1.0 - b * value;
      return (a - 1.0) * log_value - b * value;
    }
    case Kind::two_sided: {
      const double square = std::exp(2.0 * log_value);
      slope = 2.0 * (b / square - a * square);
      return -a * square - b / square;
    }
    case Kind::flat:
      break;
  }
  slope = 0.0;
  return 0.0;
}

double Prior::curvature(double log_value) const {
  switch (kind) {
    case Kind::log_normal:
    case Kind::normal_log:
      return 1.0 / (b * b);
    case Kind::gamma:
      return b * std::exp(log_value);
    case Kind::two_sided:
      return 4.0 * (a * std::exp(2.0 * log_value) + b * std::exp(-2.0 * log_value));
    case Kind::flat:
      break;
  }
  return 0.0;
}

}  // namespace luban::surrogate
