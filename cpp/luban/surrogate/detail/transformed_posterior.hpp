#pragma once

#include <memory>
#include <vector>

#include <luban/surrogate/detail/normal_moments.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate::detail {

/// A posterior of transformed responses, answering in the responses' own units. With z = f + b + w (latent value, run,
/// reading) the expected response is E[g(z) | f], the mean of a run E[g(z) | f, b], a reading g(z): one mean for all,
/// and each spread includes the one before it. Quantiles and densities follow from the inner posterior's by monotony;
/// moments take its marginals as normal. Gradients take its noise as the same at all inputs.
class TransformedPosterior final : public Posterior {
 public:
  /// @param inner asked for with `reading`. @param moments (m).
  TransformedPosterior(std::unique_ptr<Posterior> inner, const std::vector<NormalMoments>& moments);

  [[nodiscard]] Eigen::Index q() const noexcept override { return inner_->q(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return inner_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override;
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd variance_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                    const Eigen::MatrixXd& weights) const override;
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd quantile(double probability, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const override;
  [[nodiscard]] std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const override;

  /// What an average over levels is made of.
  [[nodiscard]] const NormalMoments::Expansion& expansion(Eigen::Index point, Eigen::Index response) const;
  [[nodiscard]] const Posterior& inner() const noexcept { return *inner_; }

 private:
  [[nodiscard]] Eigen::MatrixXd gradient_of_variance(Eigen::Index response, VarianceOf of) const;
  /// E[g(z + what `of` leaves out)] of every value of Z (q, m).
  [[nodiscard]] Eigen::MatrixXd smoothed(const Eigen::MatrixXd& Z, const Eigen::MatrixXd& left_out) const;
  [[nodiscard]] Eigen::MatrixXd left_out(VarianceOf of) const;

  std::unique_ptr<Posterior> inner_;
  std::vector<NormalMoments> moments_;
  Eigen::MatrixXd reading_;                                        ///< (q, m) variance of z
  std::vector<std::vector<NormalMoments::Expansion>> expansions_;  ///< (m), each (q)
};

}  // namespace luban::surrogate::detail
