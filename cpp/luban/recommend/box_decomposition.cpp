#include <luban/recommend/box_decomposition.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include <luban/core/error.hpp>

namespace luban::recommend {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace

BoxDecomposition::BoxDecomposition(Eigen::VectorXd reference) : reference_(std::move(reference)) {
  if (reference_.size() < 1 || reference_.size() > most_objectives || !reference_.allFinite()) {
    throw core::ConfigurationError(
        {.where = "recommend.box_decomposition",
         .expected = "a reference of 1 to " + std::to_string(most_objectives) + " finite values",
         .received =
             std::to_string(reference_.size()) + (reference_.allFinite() ? " values" : " values, not all finite"),
         .place = {},
         .hint = "more objectives are scalarised: see recommend/parego.hpp"});
  }
  Bound whole{};
  for (Eigen::Index j = 0; j < objectives(); ++j) {
    whole.corner[j] = reference_(j);
    whole.holder[j] = -1;
  }
  bounds_.push_back(whole);
  cut_boxes();
}

BoxDecomposition::BoxDecomposition(Eigen::VectorXd reference, const Eigen::MatrixXd& points)
    : BoxDecomposition(std::move(reference)) {
  add(points);
}

void BoxDecomposition::add(const Eigen::MatrixXd& points) {
  if (points.cols() != objectives() || !points.allFinite()) {
    throw core::DataError(
        {.where = "recommend.box_decomposition",
         .expected = "finite utilities of " + std::to_string(objectives()) + " objectives",
         .received = points.cols() != objectives() ? std::to_string(points.cols()) + " objectives" : "NaN or infinity",
         .place = {},
         .hint = {}});
  }
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    Corner point{};
    for (Eigen::Index j = 0; j < objectives(); ++j) point[j] = points(i, j);
    insert(point);
  }
  cut_boxes();
}

// Strictly above in every coordinate. What is equal to an earlier point counts as a little below it, in every
// comparison of this class: the set behaves as if no two coordinates were equal.
bool BoxDecomposition::exceeds(const Corner& point, const Bound& bound) const {
  for (Eigen::Index j = 0; j < objectives(); ++j) {
    if (!(point[j] > bound.corner[j])) return false;
  }
  return true;
}

double BoxDecomposition::reach(const Bound& bound, Eigen::Index holder, Eigen::Index objective) const {
  const std::int32_t number = bound.holder[holder];
  return number < 0 ? infinite : points_[number][objective];
}

void BoxDecomposition::insert(const Corner& point) {
  if (std::none_of(bounds_.begin(), bounds_.end(), [&](const Bound& bound) { return exceeds(point, bound); })) return;
  points_.push_back(point);
  next_.clear();
  const auto number = static_cast<std::int32_t>(points_.size() - 1);
  for (const Bound& bound : bounds_) {
    if (exceeds(point, bound)) {
      split(bound, point, number);
    } else {
      next_.push_back(bound);
    }
  }
  bounds_.swap(next_);
}

/// Raised to the point in one coordinate, a bound is still one if what holds it in the others stays above it.
void BoxDecomposition::split(const Bound& bound, const Corner& point, std::int32_t number) {
  for (Eigen::Index j = 0; j < objectives(); ++j) {
    double lowest = infinite;
    for (Eigen::Index k = 0; k < objectives(); ++k) {
      if (k != j) lowest = std::min(lowest, reach(bound, k, j));
    }
    if (point[j] > lowest) continue;  // equal: the point came later and counts as below
    Bound raised = bound;
    raised.corner[j] = point[j];
    raised.holder[j] = number;
    next_.push_back(raised);
  }
}

void BoxDecomposition::cut_boxes() {
  const Eigen::Index m = objectives();
  lower_.resize(static_cast<Eigen::Index>(bounds_.size()), m);
  upper_.resize(lower_.rows(), m);
  Eigen::Index count = 0;
  for (const Bound& bound : bounds_) {
    bool empty = false;
    for (Eigen::Index j = 0; j < m; ++j) {
      lower_(count, j) = bound.corner[j];
      upper_(count, j) = infinite;
      for (Eigen::Index k = j + 1; k < m; ++k) upper_(count, j) = std::min(upper_(count, j), reach(bound, k, j));
      empty = empty || !(upper_(count, j) > lower_(count, j));
    }
    if (!empty) ++count;
  }
  lower_.conservativeResize(count, Eigen::NoChange);
  upper_.conservativeResize(count, Eigen::NoChange);
}

Eigen::MatrixXd BoxDecomposition::front() const {
  std::vector<std::int32_t> holders;
  for (const Bound& bound : bounds_) {
    for (Eigen::Index j = 0; j < objectives(); ++j) {
      if (bound.holder[j] >= 0) holders.push_back(bound.holder[j]);
    }
  }
  std::sort(holders.begin(), holders.end());
  holders.erase(std::unique(holders.begin(), holders.end()), holders.end());
  // With equal coordinates a point that another dominates may still hold a bound.
  const auto dominated = [&](std::int32_t i) {
    return std::any_of(holders.begin(), holders.end(), [&](std::int32_t other) {
      bool as_good = true;
      bool better = false;
      for (Eigen::Index j = 0; j < objectives(); ++j) {
        as_good = as_good && points_[other][j] >= points_[i][j];
        better = better || points_[other][j] > points_[i][j];
      }
      return as_good && better;
    });
  };
  std::vector<std::int32_t> kept;
  std::copy_if(holders.begin(), holders.end(), std::back_inserter(kept), [&](std::int32_t i) { return !dominated(i); });
  Eigen::MatrixXd result(static_cast<Eigen::Index>(kept.size()), objectives());
  for (Eigen::Index i = 0; i < result.rows(); ++i) {
    for (Eigen::Index j = 0; j < objectives(); ++j) result(i, j) = points_[kept[i]][j];
  }
  return result;
}

double BoxDecomposition::hypervolume() const {
  const Eigen::Index last = objectives() - 1;
  double sum = 0.0;
  for (Eigen::Index i = 0; i < size(); ++i) {
    const double height = lower_(i, last) - reference_(last);
    if (height > 0.0) sum += height * (upper_.row(i).head(last) - lower_.row(i).head(last)).prod();
  }
  return sum;
}

}  // namespace luban::recommend
