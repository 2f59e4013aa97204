// A Gaussian process where its inputs scatter: the same data and noise, other hyperparameters for what is expected.
#include <utility>

#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>

namespace luban::surrogate {
namespace {

using Processes = std::vector<std::shared_ptr<const detail::Conditioned>>;

class SmoothedGaussianProcess final : public Surrogate {
 public:
  SmoothedGaussianProcess(features::Encoder encoder, std::vector<features::ResponseColumn> responses,
                          Processes processes)
      : encoder_(std::move(encoder)), responses_(std::move(responses)), processes_(std::move(processes)) {}

  [[nodiscard]] std::string kind() const override { return "gaussian_process"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return encoder_; }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override {
    detail::require_coded(X, encoder_, "surrogate.posterior");
    std::vector<GaussianPosterior::Moments> moments;
    for (const auto& one : processes_) moments.push_back(one->moments(X, request));
    return std::make_unique<GaussianPosterior>(std::move(moments));
  }
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override {
    detail::require_coded(X, encoder_, "surrogate.average");
    detail::require_levels(X, weights, "surrogate.average");
    std::vector<GaussianPosterior::Moments> moments;
    for (const auto& one : processes_) moments.push_back(one->average(X, weights, request));
    return std::make_unique<GaussianPosterior>(std::move(moments));
  }

 private:
  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  Processes processes_;
};

}  // namespace

std::shared_ptr<const Surrogate> GaussianProcess::smoothed(const Eigen::VectorXd& sd) const {
  detail::require_deviations(sd, impl_->encoder.p(), "surrogate.smoothed");
  for (Eigen::Index column = 0; column < sd.size(); ++column) {
    if (sd(column) > 0.0 && !impl_->encoder.variables()[static_cast<std::size_t>(column)].is_numeric()) return nullptr;
  }
  Processes processes;
  for (const detail::FittedResponse& one : impl_->fitted) {
    processes.push_back(one.process->smoothed(sd));
    if (processes.back() == nullptr) return nullptr;
  }
  return std::make_shared<const SmoothedGaussianProcess>(impl_->encoder, impl_->responses, std::move(processes));
}

}  // namespace luban::surrogate
