#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate {

class SurrogateBeside;

/// A learned map from coded inputs to a Posterior. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT Surrogate {
 public:
  virtual ~Surrogate();
  [[nodiscard]] virtual std::string kind() const = 0;  ///< e.g. "gaussian_process"
  [[nodiscard]] virtual const features::Encoder& encoder() const noexcept = 0;
  [[nodiscard]] virtual const std::vector<features::ResponseColumn>& responses() const noexcept = 0;
  /// X (q, p) coded. @throws DataError on a wrong width or a non-finite value.
  [[nodiscard]] virtual std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                             const PosteriorRequest& request = {}) const = 0;
  /// (q, m) the posterior's mean at X (q, p) alone, at less cost where the surrogate can. @throws DataError as
  /// posterior.
  [[nodiscard]] virtual Eigen::MatrixXd mean(const Eigen::MatrixXd& X) const;
  /// Posterior of weighted averages over L levels: rows i·L … i·L + L − 1 of X (q·L, p) are the levels of point i and
  /// differ in the averaged inputs alone. Gradients (q, p) are by the inputs that the levels share. `run_mean` is of
  /// one run read at all levels, `reading` of one reading at one of the levels. Weights are frequencies. The ordinary
  /// implementation works from the joint posterior and knows no variance gradients. @throws DataError as posterior;
  /// LifecycleError when gradients are asked of a surrogate that cannot average them.
  [[nodiscard]] virtual std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                           const PosteriorRequest& request = {}) const;
  /// Names of the responses whose covariance was nearly singular and had to be repaired: what is said of them is
  /// coarse.
  [[nodiscard]] virtual std::vector<std::string> degraded() const { return {}; }
  /// The same beliefs about some responses (indices into responses()), at the cost of those alone; null when this
  /// surrogate cannot leave responses out, which is the ordinary answer. @throws ConfigurationError on an index
  /// outside.
  [[nodiscard]] virtual std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const;
  /// What is expected where inputs scatter: beliefs about E f(x + δ), δ normal and independent with standard deviations
  /// `sd` (p) in coded units, in closed form at the cost of x alone; noise as at x itself. Null where no closed form is
  /// known, the ordinary answer, always so for categorical inputs. @throws DataError when sd is not (p) or not finite
  /// and ≥ 0.
  [[nodiscard]] virtual std::shared_ptr<const Surrogate> smoothed(const Eigen::VectorXd& sd) const;
  /// The same beliefs for points that are judged together with b fixed ones, at the cost of the points alone where the
  /// surrogate can (beside.hpp). @param fixed (b, p) coded, b ≥ 0. The answer must not outlive this surrogate.
  /// @throws DataError as posterior.
  [[nodiscard]] virtual std::unique_ptr<const SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const;
  /// The same for weighted averages over levels, rows as in average: fixed (b·L, p), and X (q·L, p) of whoever asks the
  /// answer; derivatives (q, p) by the inputs that the levels share. @throws DataError as average.
  [[nodiscard]] virtual std::unique_ptr<const SurrogateBeside> average_beside(const Eigen::MatrixXd& fixed,
                                                                              const Eigen::VectorXd& weights) const;
};

/// How a surrogate is made from data: what cross-validation repeats on each fold.
using SurrogateFactory = std::function<std::shared_ptr<const Surrogate>(
    const features::Dataset& data, core::RandomKey key, const core::CallControl& control)>;

}  // namespace luban::surrogate
