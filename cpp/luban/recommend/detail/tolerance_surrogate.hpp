#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/process/constraint.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// Points and weights of a normal distribution N(0, I) in p dimensions: a product of Gauss-Hermite rules with at most
/// 27 points (7 in one dimension, 5 a dimension in two, 3 in three), exact for polynomials up to twice as many degrees,
/// less one, in each variable; above three dimensions the 2 p points of the cubature of degree 3 (Stroud 1971).
struct NormalRule {
  Eigen::MatrixXd points;   ///< (k, p)
  Eigen::VectorXd weights;  ///< (k) sums to 1
};
/// @param p ≥ 1
[[nodiscard]] LUBAN_RECOMMEND_EXPORT NormalRule normal_rule(Eigen::Index p);

/// (k, p) deviations of coded inputs from standard normal points (k, tolerances); 0 where nothing scatters.
/// @throws ConfigurationError when a tolerance names something that is no numeric parameter of the surrogate.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::MatrixXd coded_deviations(const features::Encoder& encoder,
                                                                      const std::vector<process::Tolerance>& tolerances,
                                                                      const Eigen::MatrixXd& points);

/// The rule over coded deviations that the tolerances make. @throws ConfigurationError as coded_deviations.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT NormalRule coded_rule(const features::Encoder& encoder,
                                                           const std::vector<process::Tolerance>& tolerances);

/// (q·k, p) the points X (q, p), each with all deviations (k, p), point after point.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::MatrixXd around(const Eigen::MatrixXd& X,
                                                            const Eigen::MatrixXd& deviations);

/// (q, c) weighted sums of each (q·k, c) over the k deviations of each point.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::MatrixXd over_deviations(const Eigen::MatrixXd& each,
                                                                     const Eigen::VectorXd& weights);

/// A surrogate of what comes of a setpoint that the machine holds only up to normal deviations δ, independent between
/// runs. The mean is E f(x + δ), `latent` the doubt about that expectation, and `run_mean` adds what δ makes of one
/// run, the expected variance of f(x + δ), to the spread between runs. Mean and doubt in closed form where the inner
/// surrogate knows one (Surrogate::smoothed), else all expectations by a normal_rule. Gradients alike. What `run_mean`
/// and `reading` add is computed when it is first asked for.
class LUBAN_RECOMMEND_EXPORT ToleranceSurrogate final : public surrogate::Surrogate {
 public:
  /// @throws ConfigurationError as coded_deviations.
  ToleranceSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                     const std::vector<process::Tolerance>& tolerances);
  [[nodiscard]] std::string kind() const override { return inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override {
    return inner_->responses();
  }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::shared_ptr<const surrogate::Surrogate> only(
      const std::vector<Eigen::Index>& responses) const override;
  /// At the cost of the points alone where the inner surrogate's averages beside fixed ones have it.
  [[nodiscard]] std::unique_ptr<const surrogate::SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;

 private:
  ToleranceSurrogate(std::shared_ptr<const surrogate::Surrogate> inner, Eigen::VectorXd sd, Eigen::MatrixXd shifts,
                     Eigen::VectorXd weights);

  /// (q·k, p) what the points scatter to.
  [[nodiscard]] Eigen::MatrixXd at_nodes(const Eigen::MatrixXd& X) const;

  std::shared_ptr<const surrogate::Surrogate> inner_;
  std::shared_ptr<const surrogate::Surrogate> smoothed_;  ///< null where no closed form is known
  Eigen::VectorXd sd_;                                    ///< (p) coded
  Eigen::MatrixXd shifts_;                                ///< (k, p) coded deviations
  Eigen::VectorXd weights_;                               ///< (k)
};

}  // namespace luban::recommend::detail
