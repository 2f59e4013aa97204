#pragma once

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/search.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

struct ProposeOptions {
  bool maximize = false;  ///< the default minimises Y
  SearchOptions search = {};
};

/// Points to try next, with what the refitted surrogate expects there.
struct LUBAN_RECOMMEND_EXPORT Proposed {
  Eigen::MatrixXd X;            ///< (q, d) in the units of the bounds
  Eigen::VectorXd mean;         ///< (q) expected Y
  Eigen::VectorXd sd;           ///< (q) of that expectation (latent)
  Eigen::VectorXd acquisition;  ///< (q) log expected improvement, after the points before it
};

/// Refits a surrogate to arrays and proposes q points by log expected improvement: ask and tell for plain numbers.
/// @param X (n, d), n ≥ 1. @param Y (n) finite. @param bounds (2, d), row 0 low, row 1 high, low < high.
/// @throws DataError on shapes that do not fit or values that are not finite; whatever the factory throws.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Proposed propose(const Eigen::MatrixXd& X, const Eigen::VectorXd& Y,
                                                      const Eigen::MatrixXd& bounds, int q,
                                                      const surrogate::SurrogateFactory& factory,
                                                      const ProposeOptions& options, core::RandomKey key,
                                                      const core::CallControl& control = {});

/// Arrays as a dataset: each row a run of one reading, inputs named x1 … xd, response y.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT features::Dataset array_dataset(const Eigen::MatrixXd& X, const Eigen::VectorXd& Y,
                                                                     const Eigen::MatrixXd& bounds);

}  // namespace luban::recommend
