#include <utility>

#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/beside_weights.hpp>
#include <luban/surrogate/detail/conditioned_beside.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/posterior_errors.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>

namespace luban::surrogate {

namespace {

using Processes = std::vector<detail::ConditionedBeside>;

class ProcessPosteriorBeside final : public PosteriorBeside {
 public:
  ProcessPosteriorBeside(std::shared_ptr<const Processes> processes, const Eigen::MatrixXd& X,
                         const PosteriorRequest& request, Eigen::Index q, Eigen::Index b)
      : processes_(std::move(processes)), request_(request), q_(q), b_(b) {
    for (const detail::ConditionedBeside& one : *processes_) moments_.push_back(one.moments(X, request));
  }

  [[nodiscard]] Eigen::Index q() const noexcept override { return q_; }
  [[nodiscard]] Eigen::Index b() const noexcept override { return b_; }
  [[nodiscard]] Eigen::Index m() const noexcept override { return static_cast<Eigen::Index>(moments_.size()); }
  [[nodiscard]] Eigen::MatrixXd mean() const override {
    Eigen::MatrixXd out(q_, m());
    for (Eigen::Index r = 0; r < m(); ++r) out.col(r) = moments_[static_cast<std::size_t>(r)].mean;
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    Eigen::MatrixXd out(q_, m());
    for (Eigen::Index r = 0; r < m(); ++r) {
      out.col(r) = moments_[static_cast<std::size_t>(r)].variance + noise(r, of);
    }
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    if (!request_.joint) detail::not_asked_for("joint covariance", "joint");
    Eigen::MatrixXd out = moments_.at(static_cast<std::size_t>(response)).covariance;
    out.diagonal() += noise(response, of);
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return moments_.at(static_cast<std::size_t>(response)).cross;
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const override {
    if (!request_.gradients) detail::not_asked_for("gradients", "gradients");
    if (!request_.joint && weights.covariance.size() > 0) detail::not_asked_for("joint covariance", "joint");
    detail::require_pullback(weights, q(), b());
    const auto at = static_cast<std::size_t>(response);
    return processes_->at(at).pullback(moments_.at(at), weights);
  }

 private:
  [[nodiscard]] Eigen::VectorXd noise(Eigen::Index response, VarianceOf of) const {
    const auto at = static_cast<std::size_t>(response);
    Eigen::VectorXd out = Eigen::VectorXd::Zero(q_);
    if (of != VarianceOf::latent) out.array() += processes_->at(at).between();
    if (of != VarianceOf::reading) return out;
    if (!request_.reading) detail::not_asked_for("variance of a reading", "reading");
    return out + moments_.at(at).within;
  }

  std::shared_ptr<const Processes> processes_;
  PosteriorRequest request_;
  Eigen::Index q_;
  Eigen::Index b_;
  std::vector<detail::BesideMoments> moments_;
};

class ProcessBeside final : public SurrogateBeside {
 public:
  ProcessBeside(features::Encoder encoder, const std::vector<detail::FittedResponse>& fitted, Eigen::MatrixXd points,
                Eigen::VectorXd weights, std::unique_ptr<Posterior> posterior)
      : encoder_(std::move(encoder)),
        fixed_points_(std::move(points)),
        weights_(std::move(weights)),
        fixed_(std::move(posterior)) {
    auto processes = std::make_shared<Processes>();
    for (const detail::FittedResponse& one : fitted) processes->emplace_back(one.process, fixed_points_, weights_);
    processes_ = std::move(processes);
  }

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return fixed_points_; }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return *fixed_; }
  [[nodiscard]] std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const override {
    detail::require_coded(X, encoder_, "surrogate.posterior");
    detail::require_levels(X, weights_, "surrogate.posterior");
    return std::make_unique<ProcessPosteriorBeside>(processes_, X, request, X.rows() / weights_.size(), fixed_->q());
  }

 private:
  features::Encoder encoder_;
  Eigen::MatrixXd fixed_points_;
  Eigen::VectorXd weights_;  ///< of the levels that points are averages over; one: ordinary points
  std::unique_ptr<Posterior> fixed_;
  std::shared_ptr<const Processes> processes_;
};

}  // namespace

std::unique_ptr<const SurrogateBeside> GaussianProcess::beside(const Eigen::MatrixXd& fixed) const {
  if (impl_->model.noise_profile.used) return joint_beside(*this, fixed);
  return std::make_unique<ProcessBeside>(impl_->encoder, impl_->fitted, fixed, Eigen::VectorXd::Ones(1),
                                         posterior(fixed, {.gradients = false, .joint = true, .reading = false}));
}

std::unique_ptr<const SurrogateBeside> GaussianProcess::average_beside(const Eigen::MatrixXd& fixed,
                                                                       const Eigen::VectorXd& weights) const {
  if (impl_->model.noise_profile.used) return joint_average_beside(*this, fixed, weights);
  return std::make_unique<ProcessBeside>(
      impl_->encoder, impl_->fitted, fixed, weights,
      average(fixed, weights, {.gradients = false, .joint = true, .reading = false}));
}

}  // namespace luban::surrogate
