#include <luban/surrogate/beside.hpp>

#include <utility>

#include <luban/surrogate/detail/beside_weights.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/posterior_errors.hpp>

namespace luban::surrogate {

PosteriorBeside::~PosteriorBeside() = default;
SurrogateBeside::~SurrogateBeside() = default;

Eigen::MatrixXd PosteriorBeside::between_gradient(Eigen::Index /*response*/) const {
  return {};
}

namespace {

/// The first q of q + b points of a joint posterior, with the others beside them.
class JointPosteriorBeside final : public PosteriorBeside {
 public:
  JointPosteriorBeside(std::unique_ptr<Posterior> whole, Eigen::Index fixed, const PosteriorRequest& request)
      : whole_(std::move(whole)), b_(fixed), request_(request) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return whole_->q() - b_; }
  [[nodiscard]] Eigen::Index b() const noexcept override { return b_; }
  [[nodiscard]] Eigen::Index m() const noexcept override { return whole_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return whole_->mean().topRows(q()); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override { return whole_->variance(of).topRows(q()); }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    if (!request_.joint) detail::not_asked_for("joint covariance", "joint");
    return whole_->covariance(response, of).topLeftCorner(q(), q());
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return whole_->covariance(response, VarianceOf::latent).topRightCorner(q(), b_);
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    const Eigen::MatrixXd whole = whole_->between_gradient(response);
    return whole.size() > 0 ? Eigen::MatrixXd(whole.topRows(q())) : whole;
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const override {
    if (!request_.gradients) detail::not_asked_for("gradients", "gradients");
    if (!request_.joint && weights.covariance.size() > 0) detail::not_asked_for("joint covariance", "joint");
    detail::require_pullback(weights, q(), b_);
    Eigen::MatrixXd w = Eigen::MatrixXd::Zero(whole_->q(), whole_->q());
    if (weights.covariance.size() > 0) w.topLeftCorner(q(), q()) = weights.covariance;
    if (weights.variance.size() > 0) w.diagonal().head(q()) += weights.variance;
    if (weights.cross.size() > 0) {  // each pair stands twice in a symmetric matrix
      w.topRightCorner(q(), b_) = 0.5 * weights.cross;
      w.bottomLeftCorner(b_, q()) = 0.5 * weights.cross.transpose();
    }
    Eigen::MatrixXd out = whole_->covariance_gradient(response, w).topRows(q());
    if (weights.mean.size() > 0) out += weights.mean.asDiagonal() * whole_->mean_gradient(response).topRows(q());
    return out;
  }

 private:
  std::unique_ptr<Posterior> whole_;
  Eigen::Index b_;
  PosteriorRequest request_;
};

class JointSurrogateBeside final : public SurrogateBeside {
 public:
  /// @param weights of the levels that points are averages over; empty: ordinary points.
  JointSurrogateBeside(const Surrogate& surrogate, Eigen::MatrixXd fixed, Eigen::VectorXd weights)
      : surrogate_(surrogate),
        fixed_points_(std::move(fixed)),
        weights_(std::move(weights)),
        fixed_(of(fixed_points_, {.gradients = false, .joint = true, .reading = false})) {}

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return fixed_points_; }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return *fixed_; }
  [[nodiscard]] std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const override {
    Eigen::MatrixXd all(X.rows() + fixed_points_.rows(), X.cols());
    all << X, fixed_points_;
    std::unique_ptr<Posterior> whole =
        of(all, {.gradients = request.gradients, .joint = true, .reading = request.reading});
    return std::make_unique<JointPosteriorBeside>(std::move(whole), fixed_->q(), request);
  }

 private:
  [[nodiscard]] std::unique_ptr<Posterior> of(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
    return weights_.size() == 0 ? surrogate_.posterior(X, request) : surrogate_.average(X, weights_, request);
  }

  const Surrogate& surrogate_;
  Eigen::MatrixXd fixed_points_;
  Eigen::VectorXd weights_;
  std::unique_ptr<Posterior> fixed_;
};

}  // namespace

std::unique_ptr<const SurrogateBeside> joint_beside(const Surrogate& surrogate, const Eigen::MatrixXd& fixed) {
  return std::make_unique<JointSurrogateBeside>(surrogate, fixed, Eigen::VectorXd());
}

std::unique_ptr<const SurrogateBeside> joint_average_beside(const Surrogate& surrogate, const Eigen::MatrixXd& fixed,
                                                            const Eigen::VectorXd& weights) {
  detail::require_levels(fixed, weights, "surrogate.average_beside");
  return std::make_unique<JointSurrogateBeside>(surrogate, fixed, weights);
}

}  // namespace luban::surrogate
