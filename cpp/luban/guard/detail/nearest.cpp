#include "nearest.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace luban::guard::detail {
namespace {

using Vector = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double violated = 1e-12;   // a half-space missed by less holds
constexpr double dependent = 1e-18;  // squared length below which a direction is made of the active normals
constexpr double no_pressure = 1e-14;

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void add_to(Vector& y, double factor, const Vector& direction) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += factor * direction[i];
}

/// The active half-spaces: their normals are N = Q R with orthonormal columns Q and an upper triangle R.
class ActiveSet {
 public:
  explicit ActiveSet(const std::vector<HalfSpace>& spaces) : spaces_(spaces) {}

  [[nodiscard]] std::size_t size() const { return members_.size(); }

  /// Splits a vector into Q·part and what is left of it, orthogonal to Q (Gram and Schmidt, modified).
  [[nodiscard]] std::pair<Vector, Vector> split(const Vector& vector) const {
    Vector part;
    Vector rest = vector;
    for (const Vector& direction : q_) {
      part.push_back(dot(direction, rest));
      add_to(rest, -part.back(), direction);
    }
    return {part, rest};
  }

  /// R⁻¹ part: how much the multipliers of the members give way when a new one grows.
  [[nodiscard]] Vector shares(Vector part) const {
    for (std::size_t j = part.size(); j-- > 0;) {
      part[j] /= r_[j][j];
      for (std::size_t i = 0; i < j; ++i) part[i] -= r_[j][i] * part[j];
    }
    return part;
  }

  void add(std::size_t member) {
    auto [part, rest] = split(spaces_[member].normal);
    const double length = std::sqrt(dot(rest, rest));
    for (double& value : rest) value /= length;
    part.push_back(length);
    q_.push_back(std::move(rest));
    r_.push_back(std::move(part));
    members_.push_back(member);
  }

  void drop(std::size_t position) {
    std::vector<std::size_t> kept = members_;
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(position));
    members_.clear();
    q_.clear();
    r_.clear();
    for (const std::size_t member : kept) add(member);
  }

 private:
  const std::vector<HalfSpace>& spaces_;
  std::vector<std::size_t> members_;
  std::vector<Vector> q_;
  std::vector<Vector> r_;  ///< r_[j] is column j, its diagonal last
};

double slack(const HalfSpace& space, const Vector& y) {
  return dot(space.normal, y) - space.bound;
}

/// The half-space that y misses by most; their number when it misses none.
std::size_t most_violated(const std::vector<HalfSpace>& spaces, const Vector& y) {
  std::size_t worst = spaces.size();
  double least = -violated;
  for (std::size_t k = 0; k < spaces.size(); ++k) {
    const double value = slack(spaces[k], y);
    if (value < least || std::isnan(value)) {
      worst = k;
      least = value;
    }
  }
  return worst;
}

/// One half-space after another is made active; false when that is impossible.
class Descent {
 public:
  Descent(const std::vector<HalfSpace>& spaces, Vector from) : spaces_(spaces), active_(spaces), y_(std::move(from)) {}

  [[nodiscard]] std::optional<Vector> run() {
    steps_left_ = 20 * (spaces_.size() + 10);
    for (std::size_t k = most_violated(spaces_, y_); k < spaces_.size(); k = most_violated(spaces_, y_)) {
      if (!enter(k)) return std::nullopt;
    }
    return y_;
  }

 private:
  bool enter(std::size_t entering) {
    double pressure = 0.0;
    while (steps_left_-- > 0) {
      const auto [part, direction] = active_.split(spaces_[entering].normal);
      const Vector shares = active_.shares(part);
      const double squared = dot(direction, direction);
      std::size_t leaving = active_.size();
      double step = infinity;  // until a member's multiplier is 0
      for (std::size_t j = 0; j < shares.size(); ++j) {
        if (shares[j] > no_pressure && pressures_[j] / shares[j] < step) {
          step = pressures_[j] / shares[j];
          leaving = j;
        }
      }
      const double full = squared > dependent ? std::max(0.0, -slack(spaces_[entering], y_)) / squared : infinity;
      if (!(std::min(step, full) < infinity)) return false;  // the half-spaces contradict each other
      const bool arrives = full <= step;
      step = std::min(step, full);
      if (squared > dependent) add_to(y_, step, direction);
      for (std::size_t j = 0; j < shares.size(); ++j) pressures_[j] = std::max(0.0, pressures_[j] - step * shares[j]);
      pressure += step;
      if (arrives) {
        active_.add(entering);
        pressures_.push_back(pressure);
        return true;
      }
      active_.drop(leaving);
      pressures_.erase(pressures_.begin() + static_cast<std::ptrdiff_t>(leaving));
    }
    return false;
  }

  const std::vector<HalfSpace>& spaces_;
  ActiveSet active_;
  Vector y_;
  Vector pressures_;  ///< multipliers of the active half-spaces, ≥ 0
  std::size_t steps_left_ = 0;
};

}  // namespace

std::optional<std::vector<double>> nearest_point(const std::vector<HalfSpace>& spaces,
                                                 const std::vector<double>& from) {
  return Descent(spaces, from).run();
}

}  // namespace luban::guard::detail
