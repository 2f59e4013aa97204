#include <luban/features/noise.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <luban/features/cells.hpp>
#include <luban/process/variable.hpp>

namespace luban::features {

namespace {

/// Disjoint sets of runs, by path halving.
class RunSets {
 public:
  std::int32_t root(std::int32_t run) {
    std::int32_t at = parent_.try_emplace(run, run).first->second;
    while (at != parent_.at(at)) {
      parent_.at(at) = parent_.at(parent_.at(at));
      at = parent_.at(at);
    }
    return at;
  }
  /// Joins two sets; true when they were apart.
  bool join(std::int32_t a, std::int32_t b) {
    const std::int32_t root_a = root(a);
    const std::int32_t root_b = root(b);
    parent_.at(root_a) = root_b;
    return root_a != root_b;
  }

 private:
  std::map<std::int32_t, std::int32_t> parent_;
};

}  // namespace

NoiseEstimate estimate_noise(const Reduction& reduction) {
  const double nan = process::no_number;
  NoiseEstimate out{.within_sd = nan, .within_dof = reduction.n - reduction.X.rows(), .between_sd = nan};
  double within_variance = 0.0;  // unknown: stays inside what is called between
  if (out.within_dof > 0) {
    within_variance = reduction.within_ss / static_cast<double>(out.within_dof);
    out.within_sd = std::sqrt(within_variance);
  }
  // At a point that k runs share: E Σ (ȳ_i − ȳ)² = (k − 1) σ_b² + σ_w² (1 − 1/k) Σ 1/W_i. A run's offset is common to
  // all its points, so what counts as free is the contrasts between runs, not between means.
  const Cells points = cells_of_rows(reduction.X);
  RunSets sets;
  double squares = 0.0;
  double contrasts = 0.0;
  double within_share = 0.0;
  for (Eigen::Index c = 0; c < points.count(); ++c) {
    const auto begin = static_cast<std::size_t>(points.start[static_cast<std::size_t>(c)]);
    const auto end = static_cast<std::size_t>(points.start[static_cast<std::size_t>(c) + 1]);
    const double k = static_cast<double>(end - begin);
    if (end - begin < 2) continue;
    double mean = 0.0;
    for (std::size_t i = begin; i < end; ++i) mean += reduction.mean(points.order[i]) / k;
    for (std::size_t i = begin; i < end; ++i) {
      const double away = reduction.mean(points.order[i]) - mean;
      squares += away * away;
      within_share += (1.0 - 1.0 / k) / reduction.weight(points.order[i]);
      const auto run_of = [&](std::size_t at) { return reduction.run[static_cast<std::size_t>(points.order[at])]; };
      if (i > begin && sets.join(run_of(begin), run_of(i))) ++out.between_dof;
    }
    contrasts += k - 1.0;
  }
  if (out.between_dof > 0) {
    out.between_sd = std::sqrt(std::max(0.0, (squares - within_variance * within_share) / contrasts));
  }
  return out;
}

}  // namespace luban::features
