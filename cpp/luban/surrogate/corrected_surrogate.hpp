#pragma once

#include <memory>
#include <string>
#include <vector>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/residual_process.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// A surrogate as it is now: what it learned once, plus a small Gaussian process on what it has missed since. Means and
/// latent variances add; noise stays the surrogate's. Any kind of surrogate learns between jobs in this way.
class LUBAN_SURROGATE_EXPORT CorrectedSurrogate final : public Surrogate {
 public:
  using Corrections = std::vector<std::shared_ptr<const ResidualProcess>>;
  /// @param corrections (m), null = none for that response. @param time what they are taken at.
  /// @throws DataError when the lengths differ or a correction distinguishes values of a noise variable: what is missed
  /// is learned from means of runs.
  CorrectedSurrogate(std::shared_ptr<const Surrogate> inner, Corrections corrections, double time);
  [[nodiscard]] std::string kind() const override { return "corrected " + inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override {
    return inner_->responses();
  }
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::vector<std::string> degraded() const override { return inner_->degraded(); }
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;

 private:
  [[nodiscard]] std::unique_ptr<Posterior> corrected(const std::shared_ptr<const Posterior>& inner,
                                                     const Eigen::MatrixXd& X, const PosteriorRequest& request) const;

  std::shared_ptr<const Surrogate> inner_;
  Corrections corrections_;
  double time_;
};

}  // namespace luban::surrogate
