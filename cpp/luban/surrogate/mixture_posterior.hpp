#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate {

/// Posterior of an ensemble: each of K members has a mean and noise of its own, all count alike. The expected response
/// is one member's mean, so its spread is what the members disagree about; `run_mean` and `reading` are mixtures of K
/// normal distributions. Quantiles and densities of `latent`, and of a spread without noise, take the normal
/// distribution of the same moments: K points have none. Samples follow one member each over all points.
/// Reference: Lakshminarayanan, Pritzel and Blundell 2017 (arXiv:1612.01474).
class LUBAN_SURROGATE_EXPORT MixturePosterior final : public Posterior {
 public:
  /// What one member says of one response; all (q), gradients (q, d) or empty.
  struct Component {
    Eigen::VectorXd mean;
    Eigen::VectorXd between_variance;
    Eigen::VectorXd within_variance;
    Eigen::MatrixXd mean_gradient;
  };
  /// @param members (m) vectors of K components. @param joint whether covariance and samples may be asked for.
  /// @throws DataError when members or lengths differ.
  MixturePosterior(std::vector<std::vector<Component>> members, bool joint);

  [[nodiscard]] Eigen::Index q() const noexcept override;
  [[nodiscard]] Eigen::Index m() const noexcept override;
  [[nodiscard]] Eigen::MatrixXd mean() const override;
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd variance_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                    const Eigen::MatrixXd& weights) const override;
  [[nodiscard]] Eigen::MatrixXd quantile(double probability, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const override;
  [[nodiscard]] std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const override;

 private:
  [[nodiscard]] const std::vector<Component>& of_response(Eigen::Index response) const;

  std::vector<std::vector<Component>> members_;
  bool joint_;
};

}  // namespace luban::surrogate
