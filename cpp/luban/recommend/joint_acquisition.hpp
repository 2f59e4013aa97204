#pragma once

#include <Eigen/Core>

#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>

namespace luban::recommend {

/// What trying q points together is worth: one value, derivatives (q, d) by the coded inputs, empty when not asked for.
struct JointAcquisitionValue {
  double value = 0.0;
  Eigen::MatrixXd gradient = {};
};

/// What trying q points together is worth, judged from what is believed about them beside fixed points (measured or
/// pending ones) that the acquisition was built with. Larger is better. Const and thread-safe.
class LUBAN_RECOMMEND_EXPORT JointAcquisition {
 public:
  virtual ~JointAcquisition();
  /// @param posterior of q points beside the same fixed ones, asked for with `joint`, and with `gradients` when they
  /// are wanted. @throws LifecycleError otherwise; DataError when q or the number of fixed points is another.
  [[nodiscard]] virtual JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                                       bool gradients) const = 0;
};

/// Where nothing can be said of a set of points: −∞, and a gradient of zeros where one is wanted.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT JointAcquisitionValue never(const surrogate::PosteriorBeside& posterior,
                                                                 bool gradients);

}  // namespace luban::recommend
