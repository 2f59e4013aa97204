#include <luban/recommend/hypervolume.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/recommend/non_dominated.hpp>

namespace luban::recommend {
namespace {

/// Points as heights above the reference, a column each: (m, n).
using Heights = Eigen::MatrixXd;

std::vector<Eigen::Index> descending(const Heights& heights) {
  const Eigen::Index last = heights.rows() - 1;
  std::vector<Eigen::Index> order(static_cast<std::size_t>(heights.cols()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Eigen::Index>(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return heights(last, a) > heights(last, b); });
  return order;
}

/// The area under a staircase that grows by points: steps by their first height, descending in the second.
class Staircase {
 public:
  void add(double first, double second) {
    auto right = steps_.lower_bound(first);  // the first step that reaches at least as far
    if (right != steps_.end() && right->second >= second) return;
    const double below = right == steps_.end() ? 0.0 : right->second;
    // Steps to the left that are no higher than the point vanish; each strip between two of them gains.
    double edge = first;
    double height = below;
    auto left = right;
    if (right != steps_.end() && right->first == first) {
      right = steps_.erase(right);
      left = right;
    }
    while (left != steps_.begin()) {
      const auto step = std::prev(left);
      area_ += (edge - step->first) * (second - height);
      edge = step->first;
      height = step->second;
      if (height >= second) {
        steps_.emplace_hint(left, first, second);
        return;
      }
      left = steps_.erase(step);
    }
    area_ += edge * (second - height);
    steps_.emplace(first, second);
  }
  [[nodiscard]] double area() const noexcept { return area_; }

 private:
  std::map<double, double> steps_;
  double area_ = 0.0;
};

double volume(const Heights& heights);

/// m ≤ 3: from the top of the last objective down, the area of the points passed so far.
double swept(const Heights& heights) {
  const Eigen::Index m = heights.rows();
  if (m == 1) return heights.maxCoeff();
  Staircase staircase;
  if (m == 2) {
    for (Eigen::Index i = 0; i < heights.cols(); ++i) staircase.add(heights(0, i), heights(1, i));
    return staircase.area();
  }
  const std::vector<Eigen::Index> order = descending(heights);
  double sum = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    staircase.add(heights(0, order[k]), heights(1, order[k]));
    const double next = k + 1 < order.size() ? heights(2, order[k + 1]) : 0.0;
    sum += staircase.area() * (heights(2, order[k]) - next);
  }
  return sum;
}

/// Σ over points of what each adds to those above it in the last objective: in that objective they all reach as high
/// as the point, so that what they share with it is a volume of one objective less.
double sliced(const Heights& heights) {
  const Eigen::Index rest = heights.rows() - 1;
  const std::vector<Eigen::Index> order = descending(heights);
  double sum = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto point = heights.col(order[k]);
    double own = point.head(rest).prod();
    if (k > 0) {
      Heights shared(rest, static_cast<Eigen::Index>(k));
      for (std::size_t i = 0; i < k; ++i) {
        shared.col(static_cast<Eigen::Index>(i)) = heights.col(order[i]).head(rest).cwiseMin(point.head(rest));
      }
      own -= volume(shared);
    }
    sum += point(rest) * own;
  }
  return sum;
}

double volume(const Heights& heights) {
  if (heights.cols() == 0) return 0.0;
  if (heights.rows() <= 3) return swept(heights);
  const std::vector<Eigen::Index> front = non_dominated(heights.transpose());
  return sliced(heights(Eigen::all, front));
}

}  // namespace

double hypervolume(const Eigen::MatrixXd& utilities, const Eigen::VectorXd& reference) {
  const auto refuse = [](const std::string& expected, const std::string& received) {
    throw core::DataError(
        {.where = "recommend.hypervolume", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  if (reference.size() == 0) refuse("a reference of at least one objective", "none");
  if (utilities.cols() != reference.size()) {
    refuse("utilities of " + std::to_string(reference.size()) + " objectives, as the reference has",
           std::to_string(utilities.cols()));
  }
  if (!utilities.allFinite() || !reference.allFinite()) refuse("finite numbers", "NaN or infinity");
  Heights heights = utilities.transpose().colwise() - reference;
  std::vector<Eigen::Index> above;
  for (Eigen::Index i = 0; i < heights.cols(); ++i) {
    if ((heights.col(i).array() > 0.0).all()) above.push_back(i);
  }
  return volume(heights(Eigen::all, above));
}

}  // namespace luban::recommend
