#pragma once

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// When a trust region grows, shrinks and starts anew. Lengths are shares of the search ranges.
struct TrustRegionOptions {
  double first_length = 0.8;
  double largest_length = 1.6;
  double smallest_length = 0.0078125;  ///< 2⁻⁷: below it the region starts anew elsewhere
  int successes = 3;                   ///< rounds in a row that double it
  double least_improvement = 1e-3;     ///< of the best value's size: what counts as a success
};

/// Where a trust region stands after the runs so far.
struct TrustRegion {
  Eigen::Index first = 0;    ///< row of the first run since it started; earlier ones are forgotten
  Eigen::Index centre = -1;  ///< row of its best run: feasible and of the largest utility, else the least violation
  double length = 0.0;
  int starts = 1;         ///< 1 + how often it has started anew
  bool designing = true;  ///< its first runs are still a design that spreads over the whole search range
};

/// Replays the runs in their order, so that the region is a function of them alone and needs no memory: each start
/// spreads `design` runs, then every q runs are a round, a success when they improve on the best (a feasible run on an
/// infeasible one, a smaller violation where none is feasible). `successes` successes in a row double the length,
/// ⌈max(4, d) / q⌉ failures in a row halve it.
/// @param utility (n) larger is better; NaN = no result, a failure. @param violation (n) sum of what bounds are broken
/// by, 0 = feasible; empty = no bounds. @param d ≥ 1 columns. @param q ≥ 1. @param design ≥ 1.
/// References: TuRBO (Eriksson et al. 2019, arXiv 1910.01739), SCBO (Eriksson and Poloczek 2021, arXiv 2002.08526).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT TrustRegion trust_region(const Eigen::VectorXd& utility,
                                                              const Eigen::VectorXd& violation, Eigen::Index d,
                                                              Eigen::Index q, Eigen::Index design,
                                                              const TrustRegionOptions& options = {});

/// Widths of the region in each column, as shares of the search ranges: the length times lengthscales whose geometric
/// mean is made 1, so that the volume is that of a cube. @param lengthscales (d) > 0.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd trust_region_widths(double length,
                                                                         const Eigen::VectorXd& lengthscales);

}  // namespace luban::recommend::detail
