#pragma once

#include <memory>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <luban/process/response.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {
namespace detail {
class Signomial;
}

/// A surrogate with the process's derived responses added behind its own: computed from the parameters, hence known
/// without spread (variance 0, log density NaN). So objectives and bounds may name them like any other response.
class LUBAN_RECOMMEND_EXPORT DerivedSurrogate final : public surrogate::Surrogate {
 public:
  /// @throws ConfigurationError when a sum names something that is no numeric parameter of the surrogate.
  DerivedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                   const std::vector<process::DerivedResponse>& derived);
  [[nodiscard]] std::string kind() const override { return inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<const surrogate::SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;

 private:
  std::shared_ptr<const surrogate::Surrogate> inner_;
  std::shared_ptr<const std::vector<detail::Signomial>> derived_;
  std::vector<features::ResponseColumn> responses_;
};

/// A surrogate as it will be once pending runs have been measured, if each gives its expected value: means stay, latent
/// variances shrink by c'(S + N)⁻¹c, c = the covariance with the pending points, S theirs, N the noise of one run.
/// Known as the kriging believer (Ginsbourger et al. 2010); it keeps several proposals of one round apart.
class LUBAN_RECOMMEND_EXPORT ConditionedSurrogate final : public surrogate::Surrogate {
 public:
  /// @param pending (k, p) coded points, k ≥ 1. @throws NumericalError when their covariance is not positive definite.
  ConditionedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner, const Eigen::MatrixXd& pending);
  [[nodiscard]] std::string kind() const override { return inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override {
    return inner_->responses();
  }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override;

 private:
  [[nodiscard]] surrogate::GaussianPosterior::Moments condition(
      const std::shared_ptr<const surrogate::PosteriorBeside>& wide, Eigen::Index response,
      const surrogate::PosteriorRequest& request) const;

  std::shared_ptr<const surrogate::Surrogate> inner_;
  std::shared_ptr<const surrogate::SurrogateBeside> beside_;  ///< the pending points
  std::vector<Eigen::LLT<Eigen::MatrixXd>> factors_;          ///< per response, of S + N
};

}  // namespace luban::recommend
