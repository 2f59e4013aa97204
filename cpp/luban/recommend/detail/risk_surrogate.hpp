#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/process/constraint.hpp>
#include <luban/recommend/detail/risk_samples.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// How finely a risk is sampled.
struct RiskSampling {
  Eigen::Index nodes = 16;     ///< deviations around each setpoint
  Eigen::Index samples = 128;  ///< of the response at the nodes
};
inline constexpr RiskSampling searching{.nodes = 16, .samples = 128};
inline constexpr RiskSampling stating{.nodes = 128, .samples = 256};  ///< what is finally said of chosen settings

/// (nodes, p) coded deviations that risks are sampled over: scrambled Sobol points, the same whoever asks.
/// @throws ConfigurationError as coded_deviations.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::MatrixXd risk_deviations(const features::Encoder& encoder,
                                                                     const std::vector<process::Tolerance>& tolerances,
                                                                     Eigen::Index nodes);

/// Appends the risks of responses over normal deviations from the setpoint to what another surrogate expects of them:
/// one column each, of the response's name and unit, behind all of its own. The deviations are scrambled Sobol points,
/// the same for every row and surrogate. At each row the response is believed jointly at setpoint + deviations; of
/// each of `samples` fixed draws from there the risk is taken, and their mean and variance are the `latent` moments,
/// with gradients through the Cholesky factor. What one run adds (`run_mean`, `reading`) is what it adds to the
/// response itself: a run shows one value, no risk. Const and thread-safe.
class LUBAN_RECOMMEND_EXPORT RiskSurrogate final : public surrogate::Surrogate {
 public:
  /// @param expected whose first columns are the responses of `inner`, averaged over the tolerances.
  /// @param inner whose values scatter with them. @throws ConfigurationError as coded_deviations.
  RiskSurrogate(std::shared_ptr<const surrogate::Surrogate> expected, std::shared_ptr<const surrogate::Surrogate> inner,
                const std::vector<process::Tolerance>& tolerances, std::vector<RiskColumn> columns,
                const RiskSampling& sampling = {});
  [[nodiscard]] std::string kind() const override { return inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override;
  /// Row by row where no joint answer is wanted, each at the cost of its own deviations (risk_beside.hpp).
  [[nodiscard]] std::unique_ptr<const surrogate::SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;

 private:
  std::shared_ptr<const surrogate::Surrogate> expected_;
  std::shared_ptr<const surrogate::Surrogate> inner_;
  std::vector<RiskColumn> columns_;
  std::vector<features::ResponseColumn> responses_;
  Eigen::MatrixXd deviations_;  ///< (k, p) coded
  Eigen::MatrixXd z_;           ///< (k, s) of one row
};

/// A surrogate as decisions see it: its responses as expected over the tolerances, then those computed from the
/// settings themselves, then the risks. Without any of these the surrogate as it is.
/// @throws ConfigurationError as coded_deviations and DerivedSurrogate.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::shared_ptr<const surrogate::Surrogate> over_tolerances(
    std::shared_ptr<const surrogate::Surrogate> surrogate, const std::vector<process::Tolerance>& tolerances,
    const std::vector<process::DerivedResponse>& derived, const std::vector<RiskColumn>& risks,
    const RiskSampling& sampling);

}  // namespace luban::recommend::detail
